"""Staging and merging by key: what append with keys and upsert share."""

from dataclasses import dataclass

from executor.load.job import Counts, LoadJob
from executor.ranking import DIGEST_FIELD, RANK_FIELD, RANK_FIELDS
from shared.dialects.base import TableName
from shared.documents.run import Progress
from shared.errors import DuplicateKey


def load(job: LoadJob, *, update: bool) -> Progress:
    """Stage the result and merge it into the table in one transaction.

    Raises DuplicateKey when two rows of the result share a key and no cursor says which one is newer.
    """
    staging = job.staging()
    tables = _Staging(staging, TableName(f"{staging.name}_1", staging.namespace) if job.ranked else staging)
    transactional_ddl = job.dialect.capabilities.transactional_ddl
    if not transactional_ddl:
        _create(job, tables)  # commits implicitly: before the data transaction
    job.session.begin()
    if transactional_ddl:
        _create(job, tables)
    merged_from, collapsed = _stage(job, tables)
    job.lock_publication()
    merged = job.dialect.merge(
        job.session, job.plan.table, merged_from, job.plan.fields, job.plan.keys, update=update
    )
    progress = job.final_progress(
        Counts(written=merged.inserted + merged.updated, unchanged=merged.unchanged, collapsed=collapsed)
    )
    job.check_guards(progress, empties_table=False)
    job.keep_rejected_rows()
    if transactional_ddl:
        _drop(job, tables)
    job.commit(progress)
    if not transactional_ddl:
        _drop(job, tables)
    return progress


@dataclass(frozen=True)
class _Staging:
    """Where the rows of the feed go, and where one row of each key goes: the same table without a cursor."""

    loaded: TableName
    highest: TableName


def _create(job: LoadJob, tables: _Staging) -> None:
    fields, keys = job.plan.fields, job.plan.keys
    extra = RANK_FIELDS if job.ranked else ()
    job.execute_all(job.dialect.create_staging_sql(tables.loaded, (*fields, *extra), keys))
    if job.ranked:
        job.execute_all(job.dialect.create_staging_sql(tables.highest, fields, keys))


def _drop(job: LoadJob, tables: _Staging) -> None:
    for table in dict.fromkeys((tables.loaded, tables.highest)):
        job.drop(table)


def _stage(job: LoadJob, tables: _Staging) -> tuple[TableName, int]:
    """Load the feed; return the table that holds each key once, and how many rows gave way to others."""
    if not job.ranked:
        job.load_into(tables.loaded)
        _check_unique_keys(job, tables.loaded)
        return tables.loaded, 0
    loaded = job.load_into(tables.loaded, (*job.plan.fields, *RANK_FIELDS))
    if not _duplicated_keys(job, tables.loaded)[0]:
        return tables.loaded, 0
    _refuse_contradicting_ties(job, tables.loaded)
    kept = _keep_highest(job, tables)
    return tables.highest, loaded - kept


def _refuse_contradicting_ties(job: LoadJob, staging: TableName) -> None:
    """Raise DuplicateKey where different rows of one key share its highest cursor: none of them is newer."""
    keys = _quoted_keys(job)
    rank, digest = job.dialect.quote(RANK_FIELD.name), job.dialect.quote(DIGEST_FIELD.name)
    rows = job.session.fetch(
        f"SELECT COUNT(*) FROM (SELECT {keys} FROM (SELECT {keys}, {digest},"
        f" RANK() OVER (PARTITION BY {keys} ORDER BY {rank} DESC) AS etl_engine_place"
        f" FROM {job.dialect.qualified(staging)})"
        f" AS ranked WHERE etl_engine_place = 1 GROUP BY {keys} HAVING COUNT(DISTINCT {digest}) > 1) AS tied"
    )
    if tied := int(rows[0][0]):
        raise DuplicateKey(
            f"{tied} keys in ({', '.join(job.plan.keys)}) have different rows with the same highest cursor;"
            " the query must return each key once for each value of the cursor",
            column=job.plan.keys[0],
        )


def _keep_highest(job: LoadJob, tables: _Staging) -> int:
    """Copy the row with the highest cursor of each key; return how many there are."""
    names = ", ".join(job.dialect.quote(field.name) for field in job.plan.fields)
    rank = job.dialect.quote(RANK_FIELD.name)
    return job.session.execute(
        f"INSERT INTO {job.dialect.qualified(tables.highest)} ({names}) SELECT {names} FROM (SELECT {names},"
        f" ROW_NUMBER() OVER (PARTITION BY {_quoted_keys(job)} ORDER BY {rank} DESC) AS etl_engine_place"
        f" FROM {job.dialect.qualified(tables.loaded)}) AS ranked WHERE etl_engine_place = 1"
    )


def _quoted_keys(job: LoadJob) -> str:
    return ", ".join(job.dialect.quote(key) for key in job.plan.keys)


def _duplicated_keys(job: LoadJob, staging: TableName) -> tuple[int, int]:
    """Return how many keys stand in several rows, and in how many."""
    rows = job.session.fetch(
        f"SELECT COUNT(*), SUM(n) FROM (SELECT COUNT(*) AS n FROM {job.dialect.qualified(staging)}"
        f" GROUP BY {_quoted_keys(job)} HAVING COUNT(*) > 1) AS duplicated"
    )
    return int(rows[0][0]), int(rows[0][1] or 0)


def _check_unique_keys(job: LoadJob, staging: TableName) -> None:
    duplicated, concerned = _duplicated_keys(job, staging)
    if duplicated:
        raise DuplicateKey(
            f"{concerned} rows of the result share {duplicated} keys in ({', '.join(job.plan.keys)});"
            " the query must return each key once",
            column=job.plan.keys[0],
        )
