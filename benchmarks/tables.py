"""Tables as the benchmarks declare them: to the API as schema columns, to the databases as DDL."""

import dataclasses
from typing import Any, Literal

from local_servers import Database

Kind = Literal["integer", "decimal", "float", "string", "date", "timestamp", "json"]

NULL_MARK = "<null>"


@dataclasses.dataclass(frozen=True)
class Column:
    """`size` is the length of a string or the precision of a decimal."""

    name: str
    kind: Kind
    size: int = 0
    scale: int = 0

    def schema_body(self, *, key: bool) -> dict[str, Any]:
        """The column in the body of `POST /schemas/`."""
        body: dict[str, Any] = {"name": self.name, "data_type": self.kind, "nullable": not key}
        if key:
            body["primary_key"] = True
        if self.kind == "string":
            body["length"] = self.size
        if self.kind == "decimal":
            body |= {"precision": self.size, "scale": self.scale}
        return body

    def database_type(self, flavour: str) -> str:
        """The type that the engine, too, gives to a column of this kind."""
        postgresql = flavour == "postgresql"
        match self.kind:
            case "integer":
                return "bigint"
            case "decimal":
                return f"{'numeric' if postgresql else 'decimal'}({self.size},{self.scale})"
            case "float":
                return "double precision"
            case "string":
                return f"varchar({self.size})"
            case "date":
                return "date"
            case "timestamp":
                return "timestamp" if postgresql else "datetime(6)"
            case "json":
                return "jsonb" if postgresql else "json"

    def canonical_text(self, flavour: str) -> str:
        """SQL for the value as one text, the same in every database."""
        name = self.name
        if self.kind == "string":
            text = name
        elif flavour == "postgresql":
            stamp = f"to_char({name}, 'YYYY-MM-DD HH24:MI:SS.US')"
            text = stamp if self.kind == "timestamp" else f"{name}::text"
        else:
            stamp = f"date_format({name}, '%Y-%m-%d %H:%i:%s.%f')"
            text = stamp if self.kind == "timestamp" else f"cast({name} AS char)"
        return f"coalesce({text}, '{NULL_MARK}')"


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a table holds: its row count and a sum over a hash of each row, whatever their order."""

    rows: int
    checksum: int


def create_table_sql(
    table: str, columns: tuple[Column, ...], keys: tuple[str, ...], flavour: str
) -> tuple[str, str]:
    """The statements that put an empty table in the place of whatever is there."""
    lines = [f"{c.name} {c.database_type(flavour)}{' NOT NULL' if c.name in keys else ''}" for c in columns]
    if keys:
        lines.append(f"PRIMARY KEY ({', '.join(keys)})")
    return f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({', '.join(lines)})"


def contents_of(database: Database, relation: str, columns: tuple[Column, ...]) -> Contents:
    """Count and sum up a table, or a query in parentheses with an alias."""
    texts = ", ".join(column.canonical_text(database.flavour) for column in columns)
    digest = f"substr(md5(concat_ws('|', {texts})), 1, 15)"
    if database.flavour == "postgresql":
        number = f"('x' || {digest})::bit(60)::bigint"
    else:
        number = f"cast(conv({digest}, 16, 10) AS unsigned)"
    query = f"SELECT count(*), coalesce(sum({number}), 0) FROM {relation}"
    # psycopg2 takes a query without parameters as it is; pymysql too.
    rows, checksum = database.rows(query)[0]
    return Contents(int(rows), int(checksum))
