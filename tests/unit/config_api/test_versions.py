import pytest

from config_api.versions import expected_version
from shared.store.errors import VersionMismatch


@pytest.mark.parametrize("header", [None, "*", " * ", '"3"', 'W/"3"', "3", '"1", "3"'])
async def test_a_tag_that_was_read_matches(header: str | None) -> None:
    (await expected_version(header)).check(3)


@pytest.mark.parametrize("header", ['"2"', "", '"x"', '"30"', '"1", "2"', '"٣"'])
async def test_another_tag_does_not(header: str) -> None:
    with pytest.raises(VersionMismatch):
        (await expected_version(header)).check(3)
