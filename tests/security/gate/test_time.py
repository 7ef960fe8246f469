"""A query that does not end: refused in time, gone on the server, and of no consequence for who comes next."""

import dataclasses
import time

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared import preview
from shared.errors import InvalidQuery
from tests.conftest import server
from tests.factories import connection_settings
from tests.security.gate.legitimate import LITE

SECONDS = 0.5
GONE_SECONDS = 20
_CROSS = "FROM r AS a CROSS JOIN r AS b CROSS JOIN r AS c CROSS JOIN r AS d"
_TO_1000 = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000)"
ENDLESS: dict[Flavour, tuple[str, ...]] = {
    "postgresql": (
        "SELECT count(*) AS n FROM generate_series(1, 1000000000000) AS g",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT count(*) AS n FROM r",
        f"{_TO_1000} SELECT count(*) AS n {_CROSS}",
    ),
    "mariadb": (
        f"{_TO_1000} SELECT count(*) AS n {_CROSS}",
        "SELECT max(a.seq * b.seq) AS n FROM seq_1_to_1000000 AS a, seq_1_to_1000000 AS b",
    ),
    "mysql": (f"{_TO_1000} SELECT count(*) AS n {_CROSS}",),
    "sqlite": (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) AS n FROM r",
        f"{_TO_1000} SELECT count(*) AS n {_CROSS}",
    ),
}
RUNNING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE usename = '{user}'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE user = '{user}'",
}


def test_an_endless_query_ends_and_leaves_nothing(reader: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connection_settings(reader)
    for query in ENDLESS[reader.flavour]:
        with monkeypatch.context() as patch:
            short = dataclasses.replace(preview.PREVIEW_LIMITS, statement_seconds=SECONDS)
            patch.setattr(preview, "PREVIEW_LIMITS", short)
            with pytest.raises(InvalidQuery) as refused:
                preview.preview_query(settings, query, 10)
        assert (refused.value.code, refused.value.loc) == ("query_too_slow", ("source_query",))
        assert sessions_end(reader)
        assert preview.preview_query(settings, "SELECT a FROM t", 10).row_count == 2


def sessions_end(reader: Database) -> bool:
    """Tell whether the reader's sessions are gone from the server, each with its statement."""
    if reader.flavour == LITE:
        return True
    deadline = time.monotonic() + GONE_SECONDS
    with server(reader.flavour).admin(reader.database).cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(RUNNING[reader.db_type].format(user=reader.username))
            if cursor.fetchall()[0][0] == 0:
                return True
            time.sleep(0.02)
    return False
