"""What a request reads and writes of documents, kept for whoever writes the audit: nothing is read twice for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from bson import ObjectId

MongoDocument = dict[str, Any]
_Place = tuple[str, ObjectId]


class Witness:
    """Documents as they were last read before they were written, and as they were last written."""

    def __init__(self) -> None:
        self._before: dict[_Place, MongoDocument] = {}
        self._after: dict[_Place, MongoDocument] = {}

    def before(self, collection: str, document_id: ObjectId) -> MongoDocument | None:
        """Return a document as it was before it was changed, None when it was not read."""
        return self._before.get((collection, document_id))

    def after(self, collection: str, document_id: ObjectId) -> MongoDocument | None:
        """Return a document as it is now, None when it was not written."""
        return self._after.get((collection, document_id))

    def note_read(self, collection: str, stored: MongoDocument) -> None:
        """Keep a document that was read, unless it was written already."""
        place = (collection, stored["_id"])
        if place not in self._after:
            self._before[place] = stored

    def note_written(self, collection: str, stored: MongoDocument) -> None:
        """Keep a document as it was written."""
        self._after[collection, stored["_id"]] = stored

    def forget(self) -> None:
        """Begin anew: what was seen in a transaction that did not come about never was."""
        self._before.clear()
        self._after.clear()


_witness: ContextVar[Witness | None] = ContextVar("witness", default=None)


def present_witness() -> Witness | None:
    """Return the witness of what is being done, if there is one."""
    return _witness.get()


@contextmanager
def witnessed() -> Iterator[Witness]:
    """Watch what the stores read and write until the block ends."""
    witness = Witness()
    token = _witness.set(witness)
    try:
        yield witness
    finally:
        _witness.reset(token)
