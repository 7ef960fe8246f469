"""Callers who are known for a moment: for how long, and what ends it."""

from config_api.access.caller import DEVELOPMENT, NOBODY
from config_api.access.known_callers import KNOWN_SECONDS, MAX_KNOWN, KnownCallers
from config_api.access.permissions import Permissions


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_caller_is_known_for_a_moment_under_their_own_credential() -> None:
    clock = Clock()
    known = KnownCallers(clock)
    known.keep("a", DEVELOPMENT, known.generation)
    assert (known.find("a"), known.find("b")) == (DEVELOPMENT, None)
    clock.seconds += KNOWN_SECONDS
    assert known.find("a") is None


def test_who_was_looked_up_before_rights_changed_is_not_kept_after() -> None:
    known = KnownCallers(Clock())
    looked_up_in = known.generation
    known.keep("a", DEVELOPMENT, looked_up_in)
    known.forget_all()
    assert known.find("a") is None
    known.keep("a", DEVELOPMENT, looked_up_in)
    assert known.find("a") is None


def test_no_credential_is_held_and_their_number_is_bounded() -> None:
    known = KnownCallers(Clock())
    for number in range(MAX_KNOWN + 1):
        known.keep(f"secret {number}", NOBODY, known.generation)
    assert len(known._known) == 1
    assert "secret" not in repr(known._known)


def test_every_route_that_moves_rights_is_known_by_its_place() -> None:
    permissions = Permissions("/api/v1")
    for path in ("auth/refresh/", "auth/logout/", "users/7/", "api-keys/7/", "tenants/7/", "auth/password/"):
        assert permissions.moves_rights("POST", f"/api/v1/{path}"), path
    assert not permissions.moves_rights("GET", "/api/v1/users/7/")
    assert not permissions.moves_rights("POST", "/api/v1/schemas/")
