"""Every error of the engine, by who must act.

EngineError
├── ConfigError              the user must edit something; never retried (HTTP 422)
│   ├── InvalidQuery         the source query is refused by the gate or by the database
│   ├── InvalidMapping       column mappings do not fit the query or the schema
│   ├── SchemaMismatch       the target table contradicts the declared schema
│   ├── TargetRefused        the target may not be written (not ours, wrong engine, missing right, ...)
│   ├── UnsupportedCapability  this database cannot do it
│   ├── SecretUnreadable     no key opens the stored secret
│   ├── AccessDenied         the database refused the user, the password or the right
│   └── WatermarkConflict    the recorded watermark and the target disagree
├── NotFound, Conflict       missing, or changed meanwhile (HTTP 404, 409)
├── DataError                rows do not fit; the mapping's on_error decides, never silently
│   ├── CastFailed           one value, one target field
│   ├── DuplicateKey         two rows of one result share a key
│   ├── RejectLimitExceeded  more rejected rows than on_error allows
│   ├── GuardFailed          a guard (min_rows, max_change_percent, allow_empty) refuses to publish
│   └── CountMismatch        rows sent and rows taken differ: nothing is published
└── TransientError           the world is unwell; tried again with backoff (HTTP 503)
    ├── SourceUnavailable, TargetUnavailable, StoreUnavailable
    ├── Deadlock, LockTimeout, TooManyConnections
    └── NewerFormat          a newer version wrote this: the run is left to an executor that knows it

ControlSignal                not failures: RunCancelled, RunTimedOut, HandBack (ShutdownRequested), LeaseLost
"""


class EngineError(Exception):
    """An error with a stable code and a message that names the offending thing and the legal values.

    `message` holds neither secrets nor row values. `loc` is the path of the offending field in the
    user's document, e.g. ("column_mappings", 2, "delimiter"). `row` counts source rows from 1.
    """

    code = "engine_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        loc: tuple[str | int, ...] = (),
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.loc = loc
        self.row = row
        self.column = column


class ConfigError(EngineError):
    code = "invalid_configuration"


class InvalidQuery(ConfigError):
    code = "invalid_query"


class InvalidMapping(ConfigError):
    code = "invalid_mapping"


class SchemaMismatch(ConfigError):
    code = "schema_mismatch"


class TargetRefused(ConfigError):
    code = "target_refused"


class UnsupportedCapability(ConfigError):
    code = "unsupported"


class SecretUnreadable(ConfigError):
    code = "secret_unreadable"


class AccessDenied(ConfigError):
    code = "access_denied"


class WatermarkConflict(ConfigError):
    code = "watermark_conflict"


class NotFound(EngineError):
    code = "not_found"


class Conflict(EngineError):
    code = "conflict"


class DataError(EngineError):
    code = "invalid_data"


class RowTooLarge(DataError):
    """A source cannot give a whole row in the form that it was asked for."""

    code = "row_too_large"


class CastFailed(DataError):
    code = "cast_failed"


class DuplicateKey(DataError):
    code = "duplicate_key"


class RejectLimitExceeded(DataError):
    code = "too_many_rejected_rows"


class GuardFailed(DataError):
    code = "guard_failed"


class CountMismatch(DataError):
    code = "count_mismatch"


class TransientError(EngineError):
    code = "unavailable"


class SourceUnavailable(TransientError):
    code = "source_unavailable"


class TargetUnavailable(TransientError):
    code = "target_unavailable"


class StoreUnavailable(TransientError):
    code = "store_unavailable"


class Deadlock(TransientError):
    code = "deadlock"


class LockTimeout(TransientError):
    code = "lock_timeout"


class TooManyConnections(TransientError):
    code = "too_many_connections"


class NewerFormat(TransientError):
    """A document or a ledger has a format that this version does not know; `found` is its number."""

    code = "newer_format"

    def __init__(self, message: str, *, found: int = 0) -> None:
        super().__init__(message)
        self.found = found


class ControlSignal(Exception):
    """Ends a run's work without being its failure."""


class RunCancelled(ControlSignal):
    """Somebody asked for the run to be cancelled."""


class RunTimedOut(ControlSignal):
    """The run used up its timeout."""


class HandBack(ControlSignal):
    """The run is queued again, and the attempt is not counted.

    `uses`: the connections that it needs slots of. `needs`: the format that its next owner must know.
    """

    def __init__(self, reason: str, *, uses: tuple[str, ...] | None = None, needs: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.uses = uses
        self.needs = needs


class ShutdownRequested(HandBack):
    """This executor stops."""

    def __init__(self) -> None:
        super().__init__("the executor stops")


class LeaseLost(ControlSignal):
    """Another owner may have the run: stop at once and write nothing more."""
