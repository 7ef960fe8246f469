"""Why somebody is not let through."""

from shared.errors import EngineError


class Unauthenticated(EngineError):
    """Nobody we know: 401."""

    code = "unauthenticated"


class Forbidden(EngineError):
    """Known, but not allowed: 403."""

    code = "forbidden"


class TooManyRequests(EngineError):
    """Too many in too short a time: 429."""

    code = "too_many_requests"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
