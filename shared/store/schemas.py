"""schemas: the declared columns of target tables."""

from shared.documents.schema import Schema
from shared.store.documents import DocumentStore


class SchemaStore(DocumentStore[Schema]):
    collection_name = "schemas"
    noun = "schema"
    model = Schema
