import pytest

from config_api.errors import status_of
from shared import errors
from shared.errors import EngineError
from shared.store.errors import VersionMismatch


def leaves(kind: type[EngineError]) -> list[type[EngineError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
    return [kind, *below]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.ConfigError, 422),
        (errors.NotFound, 404),
        (errors.DataError, 422),
        (errors.TransientError, 503),
    ],
)
def test_whoever_must_act_decides_the_status(kind: type[EngineError], status: int) -> None:
    assert {status_of(leaf("x")) for leaf in leaves(kind) if leaf.__module__ == "shared.errors"} == {status}


def test_a_conflict_is_409_and_another_version_412() -> None:
    assert status_of(errors.Conflict("x")) == 409
    assert status_of(VersionMismatch("x")) == 412


def test_an_engine_error_of_no_class_is_our_bug() -> None:
    assert status_of(EngineError("x")) == 500
