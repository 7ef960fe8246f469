"""Every MongoDB query of the project: one file per collection, the tenant on every call."""
