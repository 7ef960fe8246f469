"""Which databases can be told a whole mapping in SQL."""

from typing import Any

from shared.dialects.base import Session
from shared.pushdown.mysql import MysqlSpeech
from shared.pushdown.postgresql import PostgresqlSpeech
from shared.pushdown.speech import CannotSay, Speech


def speech_of(session: Session) -> Speech:
    """Return how a source is spoken to. Raises CannotSay."""
    speak = _SPEECHES.get(session.dialect.name)
    if speak is None:
        raise CannotSay(f"mappings are not pushed down to {session.dialect.name}")
    return speak(session)


def _postgresql(session: Any) -> Speech:
    encoding = session.connection.get_parameter_status("server_encoding")
    if encoding != "UTF8":
        raise CannotSay(f"the encoding of the source database is {encoding}, not UTF8")
    return PostgresqlSpeech()


def _mysql(session: Any) -> Speech:
    [(packet,)] = session.fetch("SELECT @@max_allowed_packet")
    return MysqlSpeech(session.is_mariadb, int(packet))


_SPEECHES = {"postgresql": _postgresql, "mysql": _mysql, "mariadb": _mysql}
