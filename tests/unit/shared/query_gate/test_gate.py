"""The query gate lets legitimate queries through and refuses what acts, each for a named rule."""

import logging
import time

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidQuery, UnsupportedCapability
from shared.query_gate import QueryRefused, check_query


@pytest.mark.parametrize(
    ("query", "cleaned"),
    [
        ("SELECT 1", "SELECT 1"),
        ("  SELECT 1 ;  ", "SELECT 1"),
        ("SELECT 1; -- done", "SELECT 1  -- done"),
        ("SELECT 1; /* ; */", "SELECT 1  /* ; */"),
        ("SELECT ';'", "SELECT ';'"),
        ("SELECT 'a; -- b'", "SELECT 'a; -- b'"),
        ("SELECT $$;$$;", "SELECT $$;$$"),
        ('SELECT ";"', 'SELECT ";"'),
        ("SELECT 1 -- ;", "SELECT 1 -- ;"),
        ("SELECT 'it''s';", "SELECT 'it''s'"),
        ("SELECT 'it\\'; -- '", "SELECT 'it\\'  -- '"),
        ("SELECT E'it\\'s; -- ';", "SELECT E'it\\'s; -- '"),
    ],
)
def test_only_a_semicolon_at_the_end_is_taken_away(query: str, cleaned: str) -> None:
    assert check_query(query, "postgresql") == cleaned


def test_whether_a_backslash_escapes_is_the_databases_affair() -> None:
    assert check_query("SELECT 'it\\'s; -- ';", "mysql") == "SELECT 'it\\'s; -- '"
    assert check_query("SELECT 'it\\'s; -- ';", "postgresql") == "SELECT 'it\\'s  -- ';"


@pytest.mark.parametrize(
    ("db_type", "query", "rule"),
    [
        ("postgresql", "SELECT '{{low}}'", "marker"),
        ("postgresql", "SELECT E'\\{{low}} ; DELETE FROM t; --'", "marker"),
        ("postgresql", "SELECT 1 -- {{low}}", "marker"),
        ("postgresql", "SELECT a{{low}}", "marker"),
        ("postgresql", "SELECT {{low}}{{high}}", "marker"),
        ("mysql", "SELECT @{{low}}", "marker"),
        ("mysql", "SELECT /*+ SET_VAR(sql_mode = '') */ 1", "settings"),
        ("mysql", "SELECT /*+ QB_NAME(`a*/ ' `) */ SLEEP(1) -- '", "hint"),
        ("mysql", "SELECT 5 --\xa0a", "comment"),
        ("postgresql", "SELECT 1 AS a\xa0$$b$$", "comment"),
        ("postgresql", "SELECT 1$$;$$", "glued_quote"),
        ("postgresql", "SELECT e'a' 'b'", "continued_text"),
        ("postgresql", "SELECT s.pg_read_file FROM unnest(ARRAY['x']) AS s", "function"),
        ("sqlite", "SELECT load_extension\ufeff('x')", "comment"),
        ("sqlite", "SELECT a FROM t WHERE b = :name", "parameter"),
    ],
)
def test_each_rule_has_its_name(db_type: str, query: str, rule: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        check_query(query, db_type)
    assert refused.value.rule == rule


def test_a_parser_that_sees_other_quotes_than_the_server_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it would be with a parser that took a backslash for an escape where the server does not, or the reverse."""
    seen = sqlglot.tokenize("SELECT 'a   b' AS c", read="postgres")
    monkeypatch.setattr("shared.query_gate._tokens", lambda *_: seen)
    with pytest.raises(QueryRefused) as refused:
        check_query("SELECT 'a' 'b' AS c", "postgresql")
    assert refused.value.rule == "quote"


@pytest.mark.parametrize(
    ("db_type", "query"),
    [
        ("postgresql", "SELECT t.lo_value, t.loread_at FROM t WHERE a > {{low}} AND a <= {{ high }}"),
        ("postgresql", "SELECT nextval AS n, t.pg_sleeping FROM t"),
        ("mysql", "SELECT /* see {x} */ sleep, benchmark FROM t WHERE a BETWEEN {{low}} AND {{high}}"),
        ("sqlite", "SELECT a FROM t WHERE b = 'x:y?' AND a > ({{low}})"),
    ],
)
def test_what_only_looks_like_it_passes(db_type: str, query: str) -> None:
    assert check_query(query, db_type) == query


@given(
    st.text(alphabet="SELECT 1;'\"`$/*-#\\{}()\n\tq", max_size=40),
    st.sampled_from(("postgresql", "mysql", "sqlite")),
)
def test_any_text_is_let_through_or_refused(query: str, db_type: str) -> None:
    try:
        check_query(query, db_type)
    except InvalidQuery:
        return


def test_the_parser_logs_no_query(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(QueryRefused):
        check_query("SECURITY LABEL ON TABLE canary IS 'x'", "postgresql")
    assert "canary" not in caplog.text


def test_an_unknown_database_is_refused() -> None:
    with pytest.raises(UnsupportedCapability):
        check_query("SELECT 1", "oracle")


def test_a_long_query_is_checked_quickly() -> None:
    query = "SELECT " + ", ".join(f"coalesce(a{n}, {n}) AS a{n}" for n in range(2000)) + " FROM t"
    started = time.monotonic()
    check_query(query, "postgresql")
    assert time.monotonic() - started < 10
