"""Why a notice was not taken in."""


class NotTaken(Exception):
    """An attempt failed; `code` says why, without what the receiver answered."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
