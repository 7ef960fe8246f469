"""The registry and what every dialect says of itself."""

import subprocess
import sys

import pytest

from local_servers.installation import PROJECT_ROOT
from shared.dialects import DIALECTS, dialect_for
from shared.documents.connection import DatabaseType
from shared.errors import UnsupportedCapability
from shared.types import Kind


def test_every_type_of_connection_has_a_dialect() -> None:
    assert set(DIALECTS) == {member.value for member in DatabaseType}


def test_an_unknown_type_is_refused_with_the_legal_ones() -> None:
    with pytest.raises(UnsupportedCapability, match="mysql, postgresql, sqlite"):
        dialect_for("oracle")


@pytest.mark.parametrize(
    ("db_type", "kind", "text", "literal"),
    [
        ("postgresql", Kind.INTEGER, "-5", "'-5'::numeric"),
        ("postgresql", Kind.TIMESTAMPTZ, "2020-01-01 00:00:00+00", "'2020-01-01 00:00:00+00'::timestamptz"),
        ("mysql", Kind.DECIMAL, "1.50", "1.50"),
        ("mysql", Kind.FLOAT, "0.1", "0.1e0"),
        ("mysql", Kind.TIMESTAMPTZ, "2020-01-01 00:00:00.5+00", "TIMESTAMP'2020-01-01 00:00:00.5'"),
        ("mysql", Kind.DATE, "2020-01-01", "DATE'2020-01-01'"),
        ("sqlite", Kind.DYNAMIC, "i5", "5"),
        ("sqlite", Kind.DYNAMIC, "tit's", "'it''s'"),
        ("sqlite", Kind.DYNAMIC, "r0.1", "0.1"),
    ],
)
def test_cursor_values_become_literals(db_type: str, kind: Kind, text: str, literal: str) -> None:
    assert dialect_for(db_type).cursor_literal(kind, text) == literal


@pytest.mark.parametrize(
    ("db_type", "kind", "text"),
    [
        ("postgresql", Kind.BINARY, "\\x00"),
        ("mysql", Kind.STRING, "a"),
        ("mysql", Kind.INTEGER, "1 OR 1"),
        ("mysql", Kind.DATE, "2020-01-01' OR '1"),
        ("sqlite", Kind.DYNAMIC, "b\\x00"),
    ],
)
def test_what_cannot_be_a_cursor_is_refused(db_type: str, kind: Kind, text: str) -> None:
    with pytest.raises(UnsupportedCapability):
        dialect_for(db_type).cursor_literal(kind, text)


def test_a_worker_imports_a_driver_when_it_is_first_asked_for() -> None:
    look = "import executor.worker_process, sys; print([name for name in sys.modules if name == 'asyncmy'])"
    found = subprocess.run(
        [sys.executable, "-c", look], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"
