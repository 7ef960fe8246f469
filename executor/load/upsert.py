"""upsert: every key of the result has its values; nothing is deleted."""

from executor.load import merge
from executor.load.job import LoadJob
from shared.documents.run import Progress


def load(job: LoadJob) -> Progress:
    """Stage, then merge by key."""
    return merge.load(job, update=True)
