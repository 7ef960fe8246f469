"""Existing tables: what they hold, what hangs on them, and another in their place."""

import pytest

from local_servers import Database
from shared.dialects.base import Purpose, Session, TableName
from shared.errors import SchemaMismatch, TargetRefused
from shared.types import DataType
from tests.conformance.dialects.conftest import Connect
from tests.conformance.dialects.steps import create, load_committed, table
from tests.factories import field

ALL_TYPES = [
    field(
        data_type.value,
        data_type.value,
        **({"precision": 12, "scale": 3} if data_type is DataType.DECIMAL else {}),
    )
    for data_type in DataType
]


def test_a_table_made_for_a_schema_holds_it(target: Session) -> None:
    made = create(target, "t", ALL_TYPES, ["integer", "string"])
    found = target.dialect.find_table(target, made)
    assert found is not None
    assert found.transactional
    assert found.unique_keys == (("integer", "string"),)
    for column, declared in zip(found.columns, ALL_TYPES, strict=True):
        in_key = declared.name in ("integer", "string")
        assert target.dialect.column_holds(column, declared, in_key=in_key), declared.name
        assert column.nullable is not in_key
        assert not in_key or target.dialect.key_collation_is_exact(column)


def test_an_added_column_holds_its_field(target: Session) -> None:
    made = create(target, "t", [field("a", "integer")])
    for declared in ALL_TYPES:
        target.execute(target.dialect.add_column_sql(made, declared))
    found = target.dialect.find_table(target, made)
    assert found is not None
    for column, declared in zip(found.columns[1:], ALL_TYPES, strict=True):
        assert target.dialect.column_holds(column, declared, in_key=False)


NARROWER = {
    "postgresql": [
        ("integer", field("a", "integer")),
        ("real", field("a", "float")),
        ("numeric(5,2)", field("a", "decimal", precision=6, scale=2)),
        ("numeric(6,1)", field("a", "decimal", precision=6, scale=2)),
        ("varchar(9)", field("a", "string", length=10)),
        ("varchar(9)", field("a")),
        ("char(9)", field("a", "string", length=9)),
        ("timestamp(3)", field("a", "timestamp")),
        ("timestamptz", field("a", "timestamp")),
        ("text", field("a", "uuid")),
    ],
    "mariadb": [
        ("int", field("a", "integer")),
        ("bigint unsigned", field("a", "integer")),
        ("float", field("a", "float")),
        ("decimal(5,2)", field("a", "decimal", precision=6, scale=2)),
        ("varchar(9)", field("a", "string", length=10)),
        ("text", field("a")),
        ("longtext character set latin1", field("a")),
        ("datetime", field("a", "timestamp")),
        ("timestamp(6) null", field("a", "timestamptz")),
        ("blob", field("a", "binary")),
    ],
    "sqlite": [
        ("NUMERIC", field("a", "decimal", precision=6, scale=2)),
        ("INTEGER", field("a", "string")),
        ("REAL", field("a", "integer")),
        ("TEXT", field("a", "integer")),
    ],
}
WIDER = {
    "postgresql": [
        ("numeric", field("a", "decimal", precision=6, scale=2)),
        ("numeric(20,5)", field("a", "decimal", precision=6, scale=2)),
        ("text", field("a", "string", length=10)),
        ("varchar(11)", field("a", "string", length=10)),
        ("json", field("a", "json")),
    ],
    "mariadb": [
        ("decimal(20,5)", field("a", "decimal", precision=6, scale=2)),
        ("text", field("a", "string", length=10)),
        ("varchar(11)", field("a", "string", length=10)),
        ("longtext", field("a", "json")),
    ],
    "sqlite": [
        ("", field("a", "string")),
        ("VARCHAR(10)", field("a", "string")),
        ("BIGINT", field("a", "integer")),
        ("DOUBLE", field("a", "float")),
    ],
}


@pytest.mark.parametrize("held", [True, False])
def test_only_a_column_as_wide_as_the_field_holds_it(
    held: bool, any_database: Database, target: Session
) -> None:
    flavour = "mariadb" if any_database.flavour == "mysql" else any_database.flavour
    for number, (column_type, declared) in enumerate((WIDER if held else NARROWER)[flavour]):
        made = table(target, f"t{number}")
        target.execute(f"CREATE TABLE {target.dialect.qualified(made)} (a {column_type})")
        found = target.dialect.find_table(target, made)
        assert found is not None
        assert target.dialect.column_holds(found.columns[0], declared, in_key=False) is held, column_type


def test_a_view_is_refused(any_database: Database, target: Session) -> None:
    any_database.execute("CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a FROM t")
    with pytest.raises(TargetRefused, match="view"):
        target.dialect.find_table(target, table(target, "v"))


def test_tables_are_listed_with_their_columns(any_database: Database, target: Session) -> None:
    any_database.execute("CREATE TABLE t (a INT NOT NULL, b VARCHAR(5))", "CREATE VIEW v AS SELECT a FROM t")
    listings = {listing.name: listing for listing in target.dialect.list_tables(target)}
    assert (listings["t"].kind, listings["v"].kind) == ("table", "view")
    assert [(column[0], column[3]) for column in listings["t"].columns] == [("a", False), ("b", True)]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE VIEW v AS SELECT a FROM t", "view v"),
        ("CREATE MATERIALIZED VIEW v AS SELECT a FROM t", "view v"),
        ("CREATE TABLE u (a bigint REFERENCES t)", "foreign key u_a_fkey"),
        ("ALTER TABLE t ADD COLUMN s serial", "sequence t_s_seq"),
        ("ALTER TABLE t ADD COLUMN s int GENERATED ALWAYS AS IDENTITY", "sequence t_s_seq"),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "row level security"),
        ("CREATE POLICY p ON t USING (true)", "policy p"),
        ("CREATE TABLE u () INHERITS (t)", "inheritance"),
        ("GRANT SELECT (a) ON t TO PUBLIC", "grants on column a"),
        ("CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING", "rule r"),
        ("ALTER TABLE t REPLICA IDENTITY FULL", "replica identity"),
        ("ALTER TABLE t SET UNLOGGED", "unlogged"),
        ("CREATE TABLE u (x t)", "its row type is used elsewhere"),
        (
            "CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t'",
            "its row type is used elsewhere",
        ),
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
            "trigger g",
        ),
        ("CLUSTER t USING t_pkey", "index t_pkey is clustered, not valid, or in a tablespace"),
    ],
)
def test_postgresql_names_what_a_swap_would_lose(
    statement: str, reason: str, postgresql_database: Database, connect: Connect
) -> None:
    target = connect(postgresql_database, Purpose.TARGET)
    made = create(target, "t", [field("a", "integer")], ["a"])
    before = target.dialect.find_table(target, made)
    postgresql_database.execute(statement)
    after = target.dialect.find_table(target, made)
    assert before is not None
    assert after is not None
    assert before.swap_blockers == ()
    assert reason in after.swap_blockers


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TABLE u (a BIGINT, CONSTRAINT k FOREIGN KEY (a) REFERENCES t (a))", "foreign key k"),
        ("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1", "trigger g"),
        ("ALTER TABLE t MODIFY a BIGINT NOT NULL AUTO_INCREMENT", "auto_increment on column a"),
    ],
)
def test_mysql_names_what_a_rename_would_lose(
    statement: str, reason: str, mysql_like: Database, connect: Connect
) -> None:
    target = connect(mysql_like, Purpose.TARGET)
    made = create(target, "t", [field("a", "integer")], ["a"])
    before = target.dialect.find_table(target, made)
    mysql_like.execute(statement)
    after = target.dialect.find_table(target, made)
    assert before is not None
    assert after is not None
    assert before.swap_blockers == ()
    assert after.swap_blockers == (reason,)


def test_mysql_knows_tables_without_transactions(mysql_like: Database, connect: Connect) -> None:
    mysql_like.execute("CREATE TABLE t (a BIGINT) ENGINE=MyISAM")
    target = connect(mysql_like, Purpose.TARGET)
    found = target.dialect.find_table(target, TableName("t"))
    assert found is not None
    assert not found.transactional


@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_bin"])
def test_mysql_knows_keys_that_do_not_compare_by_bytes(
    collation: str, mysql_like: Database, connect: Connect
) -> None:
    mysql_like.execute(f"CREATE TABLE t (a VARCHAR(9) CHARACTER SET utf8mb4 COLLATE {collation} PRIMARY KEY)")
    target = connect(mysql_like, Purpose.TARGET)
    found = target.dialect.find_table(target, TableName("t"))
    assert found is not None
    assert not target.dialect.key_collation_is_exact(found.columns[0])


def swap(session: Session, made: TableName) -> None:
    fields = [field("a", "integer"), field("b", "string", length=20)]
    staging, old = table(session, "staging"), table(session, "old")
    before, after = session.dialect.stage_like_sql(session, staging, made)
    session.begin()
    for statement in before:
        session.execute(statement)
    session.commit()
    load_committed(session, staging, fields, [(b"7", b"new")])
    session.begin()
    for statement in after:
        session.execute(statement)
    for statement in session.dialect.swap_sql(session, made, staging, old):
        session.execute(statement)
    session.commit()
    assert session.dialect.find_table(session, staging) is None
    assert session.dialect.find_table(session, old) is None


@pytest.mark.parametrize("any_database", ["postgresql", "sqlite"], indirect=True)
def test_a_swap_puts_the_new_rows_in_place(any_database: Database, target: Session) -> None:
    fields = [field("a", "integer"), field("b", "string", length=20)]
    made = create(target, "t", fields, ["a"])
    load_committed(target, made, fields, [(b"1", b"old")])
    before = target.dialect.find_table(target, made)
    swap(target, made)
    after = target.dialect.find_table(target, made)
    assert any_database.rows("SELECT a, b FROM t") == [(7, "new")]
    assert before is not None
    assert after is not None
    assert (before.columns, before.unique_keys) == (after.columns, after.unique_keys)


DRESS = """
SELECT pg_get_userbyid(relowner), relacl::text, obj_description(oid, 'pg_class'), reloptions::text,
       (SELECT array_agg(indexname || ' ' || indexdef ORDER BY indexname)::text
        FROM pg_indexes WHERE tablename = relname),
       (SELECT array_agg(conname || ' ' || pg_get_constraintdef(oid) ORDER BY conname)::text
        FROM pg_constraint WHERE conrelid = pg_class.oid),
       col_description(oid, 2),
       (SELECT array_agg(obj_description(indexrelid, 'pg_class') ORDER BY indexrelid::regclass::text)::text
        FROM pg_index WHERE indrelid = pg_class.oid)
FROM pg_class WHERE relname = 't'"""


@pytest.mark.parametrize(
    "statements",
    [
        [],
        ["GRANT SELECT ON t TO PUBLIC", "GRANT INSERT, UPDATE ON t TO PUBLIC"],
        ["REVOKE TRUNCATE ON t FROM CURRENT_USER"],
        ["ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"],
        ["COMMENT ON TABLE t IS 'it''s 100% \\ mine'", "COMMENT ON COLUMN t.b IS 'b'"],
        ["ALTER TABLE t SET (fillfactor = 70, autovacuum_enabled = off, toast.autovacuum_enabled = off)"],
        [
            "CREATE INDEX i ON t (b DESC) WHERE a > 0",
            "CREATE UNIQUE INDEX u ON t (lower(b))",
            "COMMENT ON INDEX i IS 'x'",
        ],
        ["CREATE INDEX one ON t (b)", "CREATE INDEX two ON t (b)"],
        [
            'CREATE INDEX "an Index" ON t USING btree (b COLLATE "C" varchar_pattern_ops, (a + 1)) INCLUDE (a)',
            "CREATE UNIQUE INDEX u ON t (b) NULLS NOT DISTINCT WHERE a <> 4",
            "CREATE INDEX h ON t USING hash (b)",
        ],
        ["CREATE INDEX i ON t (b) WITH (fillfactor = 60)", "CREATE INDEX j ON t (b, a)"],
        ["ALTER TABLE t ADD CONSTRAINT w UNIQUE (b) DEFERRABLE INITIALLY DEFERRED"],
        ["ALTER TABLE t ADD CONSTRAINT w UNIQUE (b) WITH (fillfactor = 60)"],
        ["ALTER TABLE t ADD CONSTRAINT w UNIQUE (b)", "COMMENT ON CONSTRAINT w ON t IS 'x'"],
        ["ALTER TABLE t ADD CONSTRAINT x EXCLUDE USING btree (b WITH =)"],
        ["ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "ALTER TABLE t ADD CONSTRAINT w UNIQUE (b)"],
    ],
)
def test_a_swap_on_postgresql_carries_everything_over(
    statements: list[str], postgresql_database: Database, connect: Connect
) -> None:
    target = connect(postgresql_database, Purpose.TARGET)
    fields = [field("a", "integer"), field("b", "string", length=20)]
    made = create(target, "t", fields, ["a"])
    postgresql_database.execute(*statements)
    before = postgresql_database.rows(DRESS)
    swap(target, made)
    after = postgresql_database.rows(DRESS)
    plain = statements and "DEFAULT PRIVILEGES" in statements[0]
    assert [row[0] for row in after] == [row[0] for row in before]
    assert [row[2:] for row in after] == [row[2:] for row in before]
    assert (
        plain
        or before[0][1] is None
        or sorted(after[0][1].strip("{}").split(",")) == sorted(before[0][1].strip("{}").split(","))
    )
    assert "PUBLIC" not in (after[0][1] or "")
    if before[0][1] is None:
        assert "=r/" not in (after[0][1] or "").replace("=arwdDxt", "")


@pytest.mark.parametrize(
    ("statements", "built"),
    [
        ([], 1),
        (["CREATE INDEX i ON t (b)"], 2),
        (["CREATE INDEX i ON t (b)", "COMMENT ON INDEX i IS 'x'"], 0),
        (["ALTER TABLE t ADD CONSTRAINT w UNIQUE (b) WITH (fillfactor = 60)"], 0),
    ],
)
def test_postgresql_builds_keys_and_indexes_after_the_load(
    statements: list[str], built: int, postgresql_database: Database, connect: Connect
) -> None:
    target = connect(postgresql_database, Purpose.TARGET)
    made = create(target, "t", [field("a", "integer"), field("b")], ["a"])
    postgresql_database.execute(*statements)
    _, after = target.dialect.stage_like_sql(target, table(target, "staging"), made)
    assert len(after) == built


def test_mysql_renames_pairs_at_once(mysql_like: Database, connect: Connect) -> None:
    target = connect(mysql_like, Purpose.TARGET)
    fields = [field("a", "integer")]
    made, staging, old = create(target, "t", fields, ["a"]), TableName("staging"), TableName("old")
    for statement in target.dialect.create_like_sql(staging, made):
        target.execute(statement)
    load_committed(target, staging, fields, [(b"7",)])
    target.execute(target.dialect.rename_tables_sql([(made, old), (staging, made)]))
    assert mysql_like.rows("SELECT a FROM t") == [(7,)]
    assert mysql_like.rows("SELECT a FROM old") == []


def test_a_missing_column_of_the_target_is_a_mismatch(target: Session) -> None:
    made = create(target, "t", [field("a", "integer")])
    with pytest.raises(SchemaMismatch):
        load_committed(target, made, [field("a", "integer"), field("nope")], [(b"1", b"x")])
