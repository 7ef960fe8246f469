"""Staging and merging by key: what append with keys and upsert share."""

from executor.load.job import Counts, LoadJob
from shared.dialects.base import TableName
from shared.documents.run import Progress
from shared.errors import DuplicateKey


def load(job: LoadJob, *, update: bool) -> Progress:
    """Stage the result and merge it into the table in one transaction.

    Raises DuplicateKey when two rows of the result share a key.
    """
    staging = job.staging()
    create = job.dialect.create_staging_sql(staging, job.plan.fields, job.plan.keys)
    transactional_ddl = job.dialect.capabilities.transactional_ddl
    if not transactional_ddl:
        job.execute_all(create)  # commits implicitly: before the data transaction
    job.session.begin()
    if transactional_ddl:
        job.execute_all(create)
    job.load_into(staging)
    _check_unique_keys(job, staging)
    job.lock_publication()
    merged = job.dialect.merge(
        job.session, job.plan.table, staging, job.plan.fields, job.plan.keys, update=update
    )
    progress = job.final_progress(
        Counts(written=merged.inserted + merged.updated, unchanged=merged.unchanged)
    )
    job.check_guards(progress, empties_table=False)
    job.keep_rejected_rows()
    if transactional_ddl:
        job.drop(staging)
    job.commit(progress)
    if not transactional_ddl:
        job.drop(staging)
    return progress


def _check_unique_keys(job: LoadJob, staging: TableName) -> None:
    keys = ", ".join(job.dialect.quote(key) for key in job.plan.keys)
    rows = job.session.fetch(
        f"SELECT COUNT(*), SUM(n) FROM (SELECT COUNT(*) AS n FROM {job.dialect.qualified(staging)}"
        f" GROUP BY {keys} HAVING COUNT(*) > 1) AS duplicated"
    )
    duplicated, concerned = int(rows[0][0]), int(rows[0][1] or 0)
    if duplicated:
        raise DuplicateKey(
            f"{concerned} rows of the result share {duplicated} keys in ({', '.join(job.plan.keys)});"
            " the query must return each key once",
            column=job.plan.keys[0],
        )
