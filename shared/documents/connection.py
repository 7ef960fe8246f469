"""connections: where and how to reach a database. Secrets are stored as Fernet tokens only."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from shared.documents.base import StoredDocument, Value


class DatabaseType(StrEnum):
    MYSQL = "mysql"
    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


DEFAULT_TARGET_ID = "default"  # where the id of a connection stands: the target of mappings that name none
DEFAULT_PORTS = {DatabaseType.MYSQL: 3306, DatabaseType.POSTGRESQL: 5432}

SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]


class StoredOptions(Value):
    """The options of a connection; `ssl_key_encrypted` is a Fernet token."""

    ssl_mode: SslMode = "prefer"
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key_encrypted: str | None = None
    ledger_schema: str | None = None
    max_parallel: int = Field(default=4, ge=1, le=64)
    session_time_zone: str = "UTC"


class Connection(StoredDocument):
    name: str
    db_type: DatabaseType
    host: str | None = None
    port: int | None = None
    database: str
    username: str | None = None
    password_encrypted: str | None = None
    options: StoredOptions = StoredOptions()
    last_tested_at: datetime | None = None
    last_test_status: Literal["success", "failed"] | None = None
