"""What the exit codes of a worker process say."""

from enum import IntEnum


class ExitCode(IntEnum):
    STOPPED = 0
    LEASE_ENDED = 70
    KEEPER_FAILED = 71
    SUPERVISOR_GONE = 72
