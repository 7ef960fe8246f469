"""Where a server is and who may enter, and what can be done with it over SQL alone."""

import contextlib
import dataclasses
import functools
import secrets
import sqlite3
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

import psycopg2
import pymysql
import pymysql.connections
from psycopg2 import sql

Flavour = Literal["postgresql", "mariadb", "mysql", "sqlite"]
DbType = Literal["postgresql", "mysql", "sqlite"]

CONNECT_SECONDS = 5


class MysqlConnection(pymysql.connections.Connection):
    """pymysql's, without reading the machine's certificates anew for every connection to a server of ours."""

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:  # noqa: ARG002 - pymysql's signature
        return unverified_context()


@functools.cache
def unverified_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclasses.dataclass(frozen=True)
class Database:
    """One database and a login to it.

    For SQLite `database` is the file's name and `path` its place; host, port and login are empty.
    """

    flavour: Flavour
    database: str
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = dataclasses.field(default="", repr=False)
    path: Path | None = None

    @property
    def db_type(self) -> DbType:
        """The word of the config API: MariaDB and MySQL are both `mysql`."""
        return "mysql" if self.flavour == "mariadb" else self.flavour

    @property
    def url(self) -> str:
        if self.path is not None:
            return f"sqlite:///{self.path}"
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return f"{self.db_type}://{login}@{self.host}:{self.port}/{self.database}"

    def connection_body(self, name: str) -> dict[str, Any]:
        """The body of `POST /connections/` for this database."""
        if self.path is not None:
            return {"name": name, "db_type": self.db_type, "database": self.database}
        return {
            "name": name,
            "db_type": self.db_type,
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "username": self.username,
            "password": self.password,
        }

    def open(self) -> Any:
        """A plain DB-API connection of the database's own driver, in autocommit."""
        if self.path is not None:
            return sqlite3.connect(self.path, isolation_level=None, timeout=CONNECT_SECONDS)
        if self.flavour == "postgresql":
            connection = psycopg2.connect(
                host=self.host,
                port=self.port,
                user=self.username,
                password=self.password,
                dbname=self.database,
                connect_timeout=CONNECT_SECONDS,
            )
            connection.autocommit = True
            return connection
        return MysqlConnection(
            host=self.host,
            port=self.port,
            user=self.username,
            password=self.password,
            database=self.database or None,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            # On loopback, and reading all certificate authorities for every connection takes 0.1 s.
            ssl_disabled=True,
        )

    @contextlib.contextmanager
    def cursor(self) -> Iterator[Any]:
        """A cursor on a connection of its own, in autocommit."""
        with contextlib.closing(self.open()) as connection, contextlib.closing(connection.cursor()) as cursor:
            yield cursor

    def execute(self, *statements: str) -> None:
        with self.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]


@dataclasses.dataclass(frozen=True)
class ServerAccess:
    """A running server: an ordinary login that owns the databases made here, and an administrator's."""

    flavour: Flavour
    host: str
    port: int
    username: str
    password: str = dataclasses.field(repr=False)
    admin_username: str
    admin_password: str = dataclasses.field(repr=False)

    @classmethod
    def from_url(cls, flavour: Flavour, url: str) -> "ServerAccess":
        """A server that somebody else runs; its one login is used for everything."""
        parts = urlsplit(url)
        if parts.hostname is None or parts.username is None:
            raise ValueError(
                f"the {flavour} server's URL needs a host and a user: scheme://user:password@host:port"
            )
        username, password = unquote(parts.username), unquote(parts.password or "")
        port = parts.port or (5432 if flavour == "postgresql" else 3306)
        return cls(flavour, parts.hostname, port, username, password, username, password)

    def database(self, name: str) -> Database:
        return Database(self.flavour, name, self.host, self.port, self.username, self.password)

    def admin(self, name: str | None = None) -> Database:
        """The administrator's login; without a name, to the server's own database."""
        own = "postgres" if self.flavour == "postgresql" else ""
        return Database(
            self.flavour,
            own if name is None else name,
            self.host,
            self.port,
            self.admin_username,
            self.admin_password,
        )

    def create_database(self, name: str | None = None) -> Database:
        """A new empty database that the ordinary login owns; without a name, one that nobody has."""
        chosen = name or f"t_{secrets.token_hex(6)}"
        with self.admin().cursor() as cursor:
            if self.flavour == "postgresql":
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
                        sql.Identifier(chosen), sql.Identifier(self.username)
                    )
                )
            else:
                cursor.execute(f"CREATE DATABASE {backquoted(chosen)} CHARACTER SET utf8mb4")
                if self.username != self.admin_username:
                    cursor.execute(
                        f"GRANT ALL PRIVILEGES ON {backquoted(chosen)}.* TO %s@'%%'",
                        (self.username,),
                    )
        return self.database(chosen)

    def drop_database(self, database: Database) -> None:
        """Drop it, whoever is still connected to it."""
        with self.admin().cursor() as cursor:
            if self.flavour == "postgresql":
                cursor.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                        sql.Identifier(database.database)
                    )
                )
                return
            end_sessions(cursor, database.database)
            cursor.execute(f"DROP DATABASE IF EXISTS {backquoted(database.database)}")


def backquoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def end_sessions(cursor: Any, database: str) -> None:
    """End what still uses a MySQL or MariaDB database: a forgotten transaction would block its DROP."""
    # MySQL's table of it fails where a session runs a statement with an emoji.
    cursor.execute("SHOW PROCESSLIST")
    for session in [row[0] for row in cursor.fetchall() if row[3] == database]:
        with contextlib.suppress(pymysql.err.OperationalError):  # it ended meanwhile
            cursor.execute("KILL CONNECTION %s", (session,))
