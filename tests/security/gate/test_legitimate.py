"""Legitimate queries pass the gate and run: through preview, as the user that may only read."""

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared.errors import EngineError
from shared.preview import preview_query
from shared.query_gate import check_query
from tests.factories import connection_settings
from tests.security.gate.legitimate import DB_TYPES, LEGITIMATE


def test_there_are_as_many_as_promised() -> None:
    assert len({query for _, query in LEGITIMATE}) >= 100


@pytest.mark.parametrize(("flavour", "query"), LEGITIMATE)
def test_legitimate_queries_pass(flavour: Flavour, query: str) -> None:
    check_query(query, DB_TYPES[flavour])


def test_legitimate_queries_run(reader: Database) -> None:
    failed: dict[str, str] = {}
    for flavour, query in LEGITIMATE:
        if flavour == reader.flavour:
            try:
                preview_query(connection_settings(reader), query, 10)
            except EngineError as error:
                failed[query] = error.message
    assert failed == {}
