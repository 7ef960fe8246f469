"""The write modes, one file each, written out by hand."""

from typing import Protocol

from executor.load import append, replace, upsert
from executor.load.job import LoadJob
from shared.documents.mapping import WriteMode
from shared.documents.run import Progress


class Load(Protocol):
    """Loads and publishes one attempt; returns the final counts once they are committed."""

    def __call__(self, job: LoadJob) -> Progress: ...


WRITE_MODES: dict[WriteMode, Load] = {
    WriteMode.APPEND: append.load,
    WriteMode.REPLACE: replace.load,
    WriteMode.UPSERT: upsert.load,
}
