"""ETag and If-Match: a document's version as HTTP has it."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Response

from shared.store.errors import VersionMismatch

_TAG = re.compile(r'(W/)?"?(?P<version>[0-9]{1,18})"?')


@dataclass(frozen=True)
class ExpectedVersion:
    """The versions that If-Match allows; None allows any."""

    versions: frozenset[int] | None = None

    def check(self, version: int) -> None:
        """Raise VersionMismatch unless the document is at an allowed version."""
        if self.versions is not None and version not in self.versions:
            raise VersionMismatch(f"The document is at version {version}; If-Match names another one")


async def expected_version(
    if_match: Annotated[str | None, Header(max_length=1000, description="The ETag that was read")] = None,
) -> ExpectedVersion:
    """Read If-Match; a tag that is no version matches nothing."""
    if if_match is None or if_match.strip() == "*":
        return ExpectedVersion()
    tags = [_TAG.fullmatch(part.strip()) for part in if_match.split(",")]
    return ExpectedVersion(frozenset(int(tag["version"]) for tag in tags if tag))


def set_version(response: Response, version: int) -> None:
    """Send a document's version as its ETag."""
    response.headers["ETag"] = f'"{version}"'
