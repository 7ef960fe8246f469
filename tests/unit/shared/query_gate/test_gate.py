"""The query gate lets legitimate queries through and refuses what acts, each for a named rule."""

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidQuery, UnsupportedCapability
from shared.query_gate import QueryRefused, check_query, clean_query
from tests.unit.shared.query_gate.corpus import ALL, LEGITIMATE, REFUSED

REFUSED_CASES = [(family, *case) for family, cases in REFUSED.items() for case in cases]


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(LEGITIMATE) >= 100
    assert len(REFUSED_CASES) >= 150


@pytest.mark.parametrize(("db_type", "query"), LEGITIMATE)
def test_legitimate_queries_pass(db_type: str, query: str) -> None:
    check_query(query, db_type)


@pytest.mark.parametrize(("family", "db_type", "query"), REFUSED_CASES)
def test_refused_statements_are_refused(family: str, db_type: str, query: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        check_query(query, db_type)
    assert isinstance(refused.value, QueryRefused)
    assert refused.value.code == "query_refused"
    assert refused.value.rule
    assert refused.value.loc == ("source_query",)


@pytest.mark.parametrize(
    ("query", "cleaned"),
    [
        ("SELECT 1", "SELECT 1"),
        ("  SELECT 1 ;  ", "SELECT 1"),
        ("SELECT 1; -- done", "SELECT 1  -- done"),
        ("SELECT 1; /* ; */", "SELECT 1  /* ; */"),
        ("SELECT ';'", "SELECT ';'"),
        ("SELECT 'a; -- b'", "SELECT 'a; -- b'"),
        ("SELECT $$;$$", "SELECT $$;$$"),
        ('SELECT ";"', 'SELECT ";"'),
        ("SELECT 1 -- ;", "SELECT 1 -- ;"),
        ("SELECT 'it''s';", "SELECT 'it''s'"),
        ("SELECT 'it\\'s; -- '", "SELECT 'it\\'s; -- '"),
    ],
)
def test_only_a_semicolon_at_the_end_is_taken_away(query: str, cleaned: str) -> None:
    assert clean_query(query) == cleaned


@given(st.text(alphabet="SELECT 1;'\"`$/*-#\\{}()\n\tq", max_size=40), st.sampled_from(ALL))
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
