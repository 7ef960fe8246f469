"""What the gate answers when it does not let a query through."""

from shared.errors import InvalidQuery


class QueryRefused(InvalidQuery):
    """A query that the gate does not let through; `rule` names why."""

    code = "query_refused"

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message, loc=("source_query",))
        self.rule = rule
