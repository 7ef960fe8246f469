"""append: the old rows, then also this run's. With keys, only rows whose key is absent are added."""

from executor.load import merge
from executor.load.job import Counts, LoadJob
from shared.documents.run import Progress


def load(job: LoadJob) -> Progress:
    """Load straight into the table inside the transaction, or through a merge when there are keys."""
    if job.plan.keys:
        return merge.load(job, update=False)
    job.session.begin()
    job.lock_publication()
    rows = job.load_into(job.plan.table)
    progress = job.final_progress(Counts(written=rows))
    job.check_guards(progress, empties_table=False)
    job.keep_rejected_rows()
    job.commit(progress)
    return progress
