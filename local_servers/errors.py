class LocalServerError(Exception):
    """A local server cannot be had; the message is one line that says what to do."""


class ServerMissing(LocalServerError):
    """The programs of a server are not on this machine and may not be installed."""


class ServerFailed(LocalServerError):
    """A server was started and did not come up, or ended by itself."""
