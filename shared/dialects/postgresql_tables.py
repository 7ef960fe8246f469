"""PostgreSQL's catalogs: what a table is, what hangs on it, and how another takes its place."""

from collections.abc import Iterator

from shared.dialects.base import PARAM, Session, TableListing, TableName, TargetColumn, TargetTable
from shared.dialects.driver_session import quote_identifier
from shared.dialects.postgresql_types import KINDS, target_field
from shared.errors import TargetRefused
from shared.types import Kind

IDENTIFIER_BYTES = 63

_RELATION = f"""
SELECT c.oid, c.relkind::text, c.reltuples, pg_catalog.pg_has_role(c.relowner, 'USAGE'),
       pg_catalog.has_schema_privilege(n.oid, 'CREATE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = {PARAM} AND c.relname = {PARAM} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"""

_COLUMNS = f"""
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END::bigint,
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
       NOT a.attnotnull AND NOT t.typnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '',
       CASE WHEN l.oid IS NULL OR l.collisdeterministic THEN NULL ELSE l.collname END
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = {PARAM} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""

_UNIQUE_KEYS = f"""
SELECT (SELECT array_agg(a.attname::text ORDER BY k.n)
        FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, n)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.n <= i.indnkeyatts)
FROM pg_catalog.pg_index i
WHERE i.indrelid = {PARAM} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC, i.indexrelid"""

# One row for each thing that a table put in this one's place would not have. $1 is the table's oid.
_BLOCKERS = """
WITH t AS (SELECT * FROM pg_catalog.pg_class WHERE oid = $1)
SELECT 'view ' || v.relname FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_catalog.pg_class v ON v.oid = r.ev_class AND v.oid <> $1
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
UNION SELECT 'rule ' || rulename FROM pg_catalog.pg_rewrite WHERE ev_class = $1
UNION SELECT 'trigger ' || tgname FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal
UNION SELECT 'foreign key ' || conname FROM pg_catalog.pg_constraint
  WHERE contype = 'f' AND (conrelid = $1 OR confrelid = $1)
UNION SELECT 'policy ' || polname FROM pg_catalog.pg_policy WHERE polrelid = $1
UNION SELECT 'row level security' FROM t WHERE relrowsecurity
UNION SELECT 'publication ' || p.pubname FROM pg_catalog.pg_publication_tables p, t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  WHERE p.schemaname = n.nspname AND p.tablename = t.relname
UNION SELECT 'inheritance' FROM pg_catalog.pg_inherits WHERE inhrelid = $1 OR inhparent = $1
UNION SELECT 'partitions' FROM t WHERE relkind = 'p' OR relispartition
UNION SELECT 'grants on column ' || attname FROM pg_catalog.pg_attribute
  WHERE attrelid = $1 AND attacl IS NOT NULL AND NOT attisdropped
UNION SELECT 'settings of column ' || attname FROM pg_catalog.pg_attribute
  WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped
    -- pg_attver is the server's own mark on every column, not a setting of anybody's.
    AND (attstattarget > 0 OR EXISTS (SELECT 1 FROM unnest(attoptions) o WHERE o NOT LIKE 'pg\\_attver=%'))
UNION SELECT 'grants by another role than the owner' FROM t, LATERAL aclexplode(t.relacl) a
  WHERE a.grantor <> t.relowner
UNION SELECT 'function ' || f.proname FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_proc f ON f.oid = d.objid AND d.classid = 'pg_proc'::regclass
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
UNION SELECT 'its row type is used elsewhere' FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_type y ON y.oid = d.refobjid AND d.refclassid = 'pg_type'::regclass
  WHERE (y.typrelid = $1 OR y.typelem IN (SELECT oid FROM pg_catalog.pg_type WHERE typrelid = $1))
    AND d.deptype = 'n'
UNION SELECT 'sequence ' || s.relname FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S' AND d.classid = 'pg_class'::regclass
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.deptype IN ('a', 'i')
UNION SELECT 'extension ' || e.extname FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
  WHERE d.classid = 'pg_class'::regclass AND d.objid = $1
UNION SELECT 'security label' FROM pg_catalog.pg_seclabel
  WHERE classoid = 'pg_class'::regclass AND objoid = $1
UNION SELECT 'replica identity' FROM t WHERE relreplident <> 'd'
UNION SELECT 'tablespace' FROM t WHERE reltablespace <> 0
UNION SELECT 'unlogged' FROM t WHERE relpersistence <> 'p'
UNION SELECT 'typed table' FROM t WHERE reloftype <> 0
UNION SELECT 'access method ' || m.amname FROM t JOIN pg_catalog.pg_am m ON m.oid = t.relam WHERE m.amname <> 'heap'
UNION SELECT 'index ' || i.indexrelid::regclass::text || ' is clustered, not valid, or in a tablespace'
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  WHERE i.indrelid = $1 AND (i.indisclustered OR NOT i.indisvalid OR x.reltablespace <> 0)
UNION SELECT 'constraint ' || conname || ' is not validated' FROM pg_catalog.pg_constraint
  WHERE conrelid = $1 AND NOT convalidated
ORDER BY 1"""

_ACL = f"""
SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       a.privilege_type, a.is_grantable
FROM pg_catalog.pg_class c, LATERAL aclexplode(c.relacl) a WHERE c.oid = {PARAM}"""

_INDEXES = f"""
SELECT x.relname, i.indisprimary, i.indisunique, i.indisexclusion, pg_catalog.pg_get_indexdef(x.oid),
       format(' ON %I.%I ', n.nspname, c.relname)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = {PARAM} ORDER BY x.oid"""

_INDEXES_TO_BUILD = f"""
SELECT i.indisunique, pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.pg_get_indexdef(x.oid),
       format(' ON %I.%I ', n.nspname, c.relname),
       COALESCE(k.contype <> 'x' AND x.reloptions IS NULL, true) AND obj_description(x.oid, 'pg_class') IS NULL
       AND obj_description(k.oid, 'pg_constraint') IS NULL AND NOT EXISTS (
         SELECT 1 FROM pg_catalog.pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_constraint k
  ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
WHERE i.indrelid = {PARAM} ORDER BY x.oid"""

_DRESS = f"""
SELECT quote_ident(pg_get_userbyid(c.relowner)), c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user),
       c.relacl IS NULL, obj_description(c.oid, 'pg_class'), c.reloptions,
       (SELECT t.reloptions FROM pg_catalog.pg_class t WHERE t.oid = c.reltoastrelid)
FROM pg_catalog.pg_class c WHERE c.oid = {PARAM}"""


def quote(name: str) -> str:
    return quote_identifier(name, '"', IDENTIFIER_BYTES, len(name.encode("utf-8", "surrogatepass")))


def qualified(table: TableName) -> str:
    return f"{quote(table.namespace)}.{quote(table.name)}" if table.namespace else quote(table.name)


def literal(text: str) -> str:
    """Quote a text of ours (standard_conforming_strings is on in every session)."""
    return "'" + text.replace("'", "''") + "'"


def _relation(session: Session, table: TableName) -> tuple[int, str, float, bool, bool] | None:
    rows = session.fetch(_RELATION, (table.namespace or "public", table.name))
    return (int(rows[0][0]), *rows[0][1:]) if rows else None


def find_table(session: Session, table: TableName) -> TargetTable | None:
    """Read a table from the catalogs. Raises TargetRefused for a view or a foreign table."""
    found = _relation(session, table)
    if found is None:
        return None
    oid, kind, rows, owned, may_create = found
    if kind not in ("r", "p"):
        raise TargetRefused(f"{table.name!r} is a view or a foreign table; the target must be a table")
    blockers = [row[0] for row in session.fetch(_BLOCKERS.replace("$1", str(oid)))]
    if not owned:
        blockers.append("the user does not own the table")
    if not may_create:
        blockers.append("the user may not create tables in the schema")
    return TargetTable(
        name=table,
        columns=tuple(_column(row) for row in session.fetch(_COLUMNS, (oid,))),
        unique_keys=tuple(tuple(row[0]) for row in session.fetch(_UNIQUE_KEYS, (oid,))),
        swap_blockers=tuple(blockers),
        estimated_rows=int(rows) if rows >= 0 else None,
    )


def _column(row: tuple[str, str, int, int, bool, bool, bool, str | None]) -> TargetColumn:
    name, database_type, oid, modifier, nullable, has_default, generated, collation = row
    field = None if generated else target_field(name, oid, modifier)
    return TargetColumn(name, database_type, field, nullable, has_default or generated, collation)


def create_like_sql(staging: TableName, table: TableName) -> list[str]:
    return [f"CREATE TABLE {qualified(staging)} (LIKE {qualified(table)} INCLUDING ALL)"]


def stage_like_sql(session: Session, staging: TableName, table: TableName) -> tuple[list[str], list[str]]:
    """Build the keys and indexes after the load, but for those of which their definition does not say everything."""
    found = _relation(session, table)
    rows = session.fetch(_INDEXES_TO_BUILD, (found[0],)) if found else []
    if not all(row[-1] and row[3] in row[2] for row in rows):
        return create_like_sql(staging, table), []
    place = qualified(staging)
    built = []
    for unique, constraint, definition, on_table, _ in rows:
        if constraint is not None:
            built.append(f"ALTER TABLE {place} ADD {constraint}")
        else:
            columns = definition.partition(on_table)[2]
            built.append(f"CREATE {'UNIQUE ' if unique else ''}INDEX ON {place} {columns}")
    return [f"CREATE TABLE {place} (LIKE {qualified(table)} INCLUDING ALL EXCLUDING INDEXES)"], built


def swap_sql(session: Session, table: TableName, staging: TableName) -> list[str]:
    """Dress the staging table as the old one, drop that, and rename. The names of indexes follow."""
    old, new = _relation(session, table), _relation(session, staging)
    if old is None or new is None:
        raise TargetRefused(f"table {table.name!r} or its staging table is gone", code="target_changed")
    statements = [f"LOCK TABLE {qualified(table)} IN ACCESS EXCLUSIVE MODE"]
    statements += _dress(session, old[0], new[0], qualified(staging))
    renames = _index_renames(session, old[0], new[0], staging.namespace)
    statements.append(f"DROP TABLE {qualified(table)}")
    statements += renames
    statements.append(f"ALTER TABLE {qualified(staging)} RENAME TO {quote(table.name)}")
    if (staging.namespace or "public") != (table.namespace or "public"):
        moved = TableName(table.name, staging.namespace)
        statements.append(f"ALTER TABLE {qualified(moved)} SET SCHEMA {quote(table.namespace or 'public')}")
    return statements


def _dress(session: Session, old: int, new: int, staging: str) -> list[str]:
    """Owner, grants, comment and storage options of the old table for the new one."""
    [(owner, is_current, plain_grants, comment, options, toast_options)] = session.fetch(_DRESS, (old,))
    statements = []
    settings = [*(options or ()), *(f"toast.{option}" for option in toast_options or ())]
    if settings:
        pairs = ", ".join(_storage_setting(setting) for setting in settings)
        statements.append(f"ALTER TABLE {staging} SET ({pairs})")
    if comment is not None:
        statements.append(f"COMMENT ON TABLE {staging} IS {literal(comment)}")
    granted = sorted({row[0] for row in session.fetch(_ACL, (new,))})
    statements += [f"REVOKE ALL ON {staging} FROM {grantee}" for grantee in granted]
    if not is_current:
        statements.append(f"ALTER TABLE {staging} OWNER TO {owner}")
    if plain_grants:
        return [*statements, f"GRANT ALL ON {staging} TO {owner}"]
    statements.append(f"REVOKE ALL ON {staging} FROM {owner}")
    for grantee, privilege, grantable in session.fetch(_ACL, (old,)):
        suffix = " WITH GRANT OPTION" if grantable and grantee != owner else ""
        statements.append(f"GRANT {privilege} ON {staging} TO {grantee}{suffix}")
    return statements


def _storage_setting(setting: str) -> str:
    name, _, value = setting.partition("=")
    return f"{name} = {literal(value)}"


def _index_renames(session: Session, old: int, new: int, namespace: str | None) -> list[str]:
    wanted: dict[tuple[object, ...], list[str]] = {}
    for name, definition in _index_shapes(session, old):
        wanted.setdefault(definition, []).append(name)
    renames = []
    for name, definition in _index_shapes(session, new):
        if names := wanted.get(definition):
            index = qualified(TableName(name, namespace))
            renames.append(f"ALTER INDEX {index} RENAME TO {quote(names.pop(0))}")
    return renames


def _index_shapes(session: Session, oid: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield each index with what tells it from the others but its name and its table's."""
    for name, primary, unique, exclusion, definition, on_table in session.fetch(_INDEXES, (oid,)):
        yield name, (primary, unique, exclusion, definition.partition(on_table)[2])


_LISTING = """
SELECT n.nspname, c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END,
       a.attname, a.atttypid::bigint, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname, a.attnum"""


def list_tables(session: Session) -> list[TableListing]:
    listings: dict[tuple[str, str], TableListing] = {}
    for namespace, name, kind, column, oid, database_type, nullable in session.fetch(_LISTING):
        listing = listings.setdefault((namespace, name), TableListing(namespace, name, kind))
        data_type = KINDS.get(oid, Kind.STRING).value
        listing.columns.append((column, data_type, database_type, nullable))
    return list(listings.values())


def table_names_like(session: Session, namespace: str | None, prefix: str) -> Iterator[str]:
    rows = session.fetch(
        "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE c.relkind = 'r' AND n.nspname = {PARAM} AND starts_with(c.relname, {PARAM}) ORDER BY 1",
        (namespace or "public", prefix),
    )
    for row in rows:
        yield row[0]
