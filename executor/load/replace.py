"""replace: the old table until the commit, then exactly the result; never half of it."""

from executor.fault_points import reach
from executor.load.job import LOCK_TRY_SECONDS, READERS_TURN_SECONDS, Counts, LoadJob
from shared.dialects.base import TableName
from shared.documents.run import Progress
from shared.errors import LockTimeout, TargetRefused
from shared.ledger_tables import DONE_PREFIX, MARKER_PREFIX, OLD_PREFIX
from shared.tracing import span


def load(job: LoadJob) -> Progress:
    """Publish by swapping tables where nothing hangs on the old one, else by delete and insert."""
    _own_table(job)
    if job.plan.existing is not None and job.plan.existing.swap_blockers:
        return _delete_and_insert(job)
    if job.dialect.capabilities.transactional_ddl:
        return _swap_in_transaction(job)
    return _swap_by_rename(job)


def _own_table(job: LoadJob) -> None:
    """Replace only what this mapping owns, what is empty, or what it may take over. Raises TargetRefused."""
    table = job.plan.table
    mapping_id = str(job.context.run.mapping_id)
    owner = job.ledger.owner(table.name)
    if owner == mapping_id:
        return
    if not job.context.version.mapping.take_over_table:
        _refuse_what_is_not_ours(job, owner)
    job.ledger.take_ownership(table.name, mapping_id, previous=owner)


def _refuse_what_is_not_ours(job: LoadJob, owner: str | None) -> None:
    name = job.plan.table.name
    if owner is not None:
        raise TargetRefused(
            f"table {name!r} was filled by another mapping ({owner}); set take_over_table to make it this one's",
            code="table_owned",
        )
    if job.plan.existing is not None and _has_rows(job):
        raise TargetRefused(
            f"table {name!r} has rows that the engine did not write; set take_over_table to replace them",
            code="table_not_empty",
        )


def _has_rows(job: LoadJob) -> bool:
    return bool(job.session.fetch(f"SELECT 1 FROM {job.dialect.qualified(job.plan.table)} LIMIT 1"))


def _checked_progress(job: LoadJob, rows: int) -> Progress:
    progress = job.final_progress(Counts(written=rows))
    job.check_guards(progress, empties_table=rows == 0 and _has_rows(job))
    return progress


def _delete_and_insert(job: LoadJob) -> Progress:
    """One transaction: readers see the old rows until the commit."""
    table = job.dialect.qualified(job.plan.table)
    job.session.begin()
    job.lock_publication()
    had_rows = _has_rows(job)
    job.session.execute(f"DELETE FROM {table}")
    rows = job.load_into(job.plan.table)
    progress = job.final_progress(Counts(written=rows))
    job.check_guards(progress, empties_table=rows == 0 and had_rows)
    job.keep_rejected_rows()
    job.commit(progress)
    return progress


def _swap_in_transaction(job: LoadJob) -> Progress:
    """Stage and swap in one transaction, ledger row and all."""
    staging, old = job.staging(), job.attempt_table(OLD_PREFIX)
    job.session.begin()
    before, after = job.dialect.stage_like_sql(job.session, staging, job.plan.table)
    job.execute_all(before)
    progress = _checked_progress(job, job.load_into(staging))
    job.execute_all(after)
    job.keep_rejected_rows()
    job.dialect.analyze(job.session, staging)
    job.lock_publication()
    job.wait_for_lock(lambda: _swap_within_savepoint(job, staging, old), READERS_TURN_SECONDS)
    job.commit(progress)
    return progress


def _swap_within_savepoint(job: LoadJob, staging: TableName, old: TableName) -> None:
    """A lock that does not come in time undoes the swap alone, not the load."""
    session = job.session
    session.execute("SAVEPOINT etl_swap")
    try:
        job.dialect.set_lock_timeout(session, LOCK_TRY_SECONDS)
        job.execute_all(job.dialect.swap_sql(session, job.plan.table, staging, old))
    except LockTimeout:
        session.execute("ROLLBACK TO SAVEPOINT etl_swap")
        raise


def _swap_by_rename(job: LoadJob) -> Progress:
    """For databases that commit DDL implicitly: one RENAME publishes the table and moves the marker.

    The rows are committed in the staging table first; the rename is the commit of the run, and the ledger
    row follows it. Without its marker (dropped by whoever took the run over) the rename cannot happen.
    """
    staging, marker = job.staging(), job.attempt_table(MARKER_PREFIX)
    session, dialect = job.session, job.dialect
    before, after = dialect.stage_like_sql(session, staging, job.plan.table)
    job.execute_all(before)
    job.execute_all(dialect.create_like_sql(marker, job.ledger.tables.tables))
    session.begin()
    progress = _checked_progress(job, job.load_into(staging))
    job.keep_rejected_rows()
    session.commit()
    job.execute_all(after)
    dialect.analyze(session, staging)
    job.lock_publication()
    with span("commit"):
        reach("before_commit")
        job.context.enter_committing(progress)
        reach("committing")
        with job.bounded():
            job.ledger.prepare_publication(job.context.run, progress, job.window)
            # While a rename waits for readers, new readers queue up behind it: so it never waits for long, and pauses.
            dialect.set_lock_timeout(session, LOCK_TRY_SECONDS)
        _rename(job, staging, marker)
        reach("mysql_after_rename")
        with job.bounded():
            job.ledger.commit_row(job.context.run, progress, job.window)
        reach("after_commit_before_report")
    job.drop(job.attempt_table(OLD_PREFIX))
    job.drop(job.attempt_table(DONE_PREFIX))
    return progress


def _rename(job: LoadJob, staging: TableName, marker: TableName) -> None:
    """Swap and move the marker in one statement. When its answer is lost the next attempt reads the marker."""
    pairs = [
        (job.plan.table, job.attempt_table(OLD_PREFIX)),
        (staging, job.plan.table),
        (marker, job.attempt_table(DONE_PREFIX)),
    ]
    statement = job.dialect.rename_tables_sql(pairs)

    def rename() -> None:
        with job.bounded():
            job.session.execute(statement)

    reach("mysql_before_rename")
    job.wait_for_lock(rename, READERS_TURN_SECONDS)
