"""tenants: whose documents are whose. The default tenant has no document: it is always there."""

from shared.documents.base import StoredDocument


class Tenant(StoredDocument):
    """Documents of a tenant carry its id as text; the tenants themselves belong to the default one."""

    name: str
