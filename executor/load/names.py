"""Names of an attempt's own tables: they carry run and fence, so that leftovers can be told apart."""

from shared.dialects.base import Session, TableName
from shared.documents.run import Run

_COMMON_PREFIX = "etl_engine_"


def attempt_table(prefix: str, run: Run, namespace: str | None) -> TableName:
    """Return the name of this attempt's table, e.g. etl_engine_stg_<run id>_<fence>."""
    return TableName(f"{prefix}{run.id}_{run.fence}", namespace)


def attempt_tables_of_run(session: Session, prefix: str, run_id: str) -> list[TableName]:
    """Return the tables that exist for any attempt of a run, in the default namespace."""
    namespace = session.dialect.capabilities.default_namespace
    names = session.dialect.table_names_like(session, namespace, f"{prefix}{run_id}_")
    return [TableName(name, namespace) for name in names]


def engine_tables(session: Session) -> list[TableName]:
    """Return all tables of the engine in the default namespace."""
    namespace = session.dialect.capabilities.default_namespace
    return [
        TableName(name, namespace)
        for name in session.dialect.table_names_like(session, namespace, _COMMON_PREFIX)
    ]
