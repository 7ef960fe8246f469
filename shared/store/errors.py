"""What the driver's errors mean: the one place that knows."""

from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from shared.errors import Conflict, EngineError, StoreUnavailable

_UNAVAILABLE = (ConnectionFailure, ExecutionTimeout, WaitQueueTimeoutError, WTimeoutError)
_TRANSIENT_LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError")


class VersionMismatch(Conflict):
    """The document is at another version than the caller named."""

    code = "version_mismatch"


def classify_store_error(error: PyMongoError) -> EngineError | None:
    """Return ours for a driver error that passes by itself, None for one that is our bug.

    The message never holds the driver's, which may name hosts.
    """
    transient = any(error.has_error_label(label) for label in _TRANSIENT_LABELS)
    if isinstance(error, _UNAVAILABLE) or error.timeout or transient or _is_not_primary(error):
        return StoreUnavailable("MongoDB does not answer at present")
    return None


def _is_not_primary(error: PyMongoError) -> bool:
    # Node is recovering, shutting down, or no longer primary.
    return isinstance(error, OperationFailure) and error.code in {91, 189, 10107, 11600, 11602, 13435, 13436}
