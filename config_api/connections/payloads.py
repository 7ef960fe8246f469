"""Connections as they come in and go out; secrets go in only."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from config_api.fields import Answer, IdText, Line, Name, Payload, UtcInstant, WholeNumber, partial_of
from shared.addresses import HostRefused, check_address
from shared.connection_settings import is_plain_file_name
from shared.cron import parse_timezone
from shared.documents.connection import DEFAULT_PORTS, Connection, DatabaseType, SslMode
from shared.encryption import Keyring
from shared.errors import ConfigError
from shared.secret import Secret

_ANY_PUBLIC_ADDRESS = "8.8.8.8"
SERVER_FIELDS = ("host", "port", "username", "password")


def _check_host(host: str) -> str:
    try:
        # Only the form is looked at: a name is resolved when it is connected to.
        check_address(host, resolve=lambda _name: (_ANY_PUBLIC_ADDRESS,))
    except HostRefused as error:
        raise ValueError(error.message.replace(f" {host!r}", "")) from None
    return host


def _check_zone(name: str) -> str:
    try:
        parse_timezone(name)
    except ConfigError as error:
        raise ValueError(error.message) from None
    return name


def _check_pem(text: str) -> str:
    if "-----BEGIN " not in text:
        raise ValueError("must be PEM text (-----BEGIN …), not a path")
    return text


def _check_secret_pem(secret: Secret) -> Secret:
    _check_pem(secret.reveal())
    return secret


def _check_secret_length(secret: Secret) -> Secret:
    if len(secret.reveal()) > 10_000:
        raise ValueError("must have at most 10000 characters")
    return secret


Host = Annotated[Line, Field(min_length=1, max_length=255), AfterValidator(_check_host)]
Port = Annotated[WholeNumber, Field(ge=1, le=65535)]
DatabaseName = Annotated[Line, Field(min_length=1, max_length=255)]
Username = Annotated[Line, Field(min_length=1, max_length=255)]
Password = Annotated[Secret, AfterValidator(_check_secret_length)]
Pem = Annotated[str, Field(max_length=200_000), AfterValidator(_check_pem)]
SecretPem = Annotated[Secret, AfterValidator(_check_secret_pem)]
Zone = Annotated[str, Field(max_length=100), AfterValidator(_check_zone)]
Purpose = Literal["source", "target"]


class OptionsIn(Payload):
    """How to connect beyond host and login. Certificates are PEM text."""

    ssl_mode: SslMode = "prefer"
    ssl_ca: Pem | None = None
    ssl_cert: Pem | None = None
    ssl_key: SecretPem | None = None
    ledger_schema: Annotated[Line, Field(min_length=1, max_length=63)] | None = None
    max_parallel: Annotated[WholeNumber, Field(ge=1, le=64)] = Field(
        default=4,
        description="Runs that use the connection at a time; each takes one session, one that reads in parts as many",
    )
    session_time_zone: Zone = "UTC"


class ConnectionFields(Payload):
    """Where a database is. For sqlite, `database` is a file name and the server's fields are absent."""

    model_config = ConfigDict(validate_default=True)
    required: ClassVar[frozenset[str]] = frozenset({"host", "username"})

    db_type: DatabaseType
    host: Host | None = None
    port: Port | None = Field(default=None, description="3306 for mysql, 5432 for postgresql")
    database: DatabaseName
    username: Username | None = None
    options: OptionsIn = OptionsIn()

    @field_validator(*SERVER_FIELDS, check_fields=False)
    @classmethod
    def _check_server_field(cls, value: object, info: ValidationInfo) -> object:
        db_type = info.data.get("db_type")
        if db_type is DatabaseType.SQLITE and value is not None:
            raise PydanticCustomError("forbidden_for_sqlite", "must be absent for sqlite")
        server = db_type not in (None, DatabaseType.SQLITE)
        if server and value is None and info.field_name in cls.required:
            raise PydanticCustomError("missing", "Field required")
        return value

    @field_validator("database")
    @classmethod
    def _check_file_name(cls, name: str, info: ValidationInfo) -> str:
        if info.data.get("db_type") is DatabaseType.SQLITE and not is_plain_file_name(name):
            raise PydanticCustomError("not_a_file_name", "must be a plain file name, without folders")
        return name

    @property
    def effective_port(self) -> int | None:
        return self.port or DEFAULT_PORTS.get(self.db_type)


class ConnectionTest(ConnectionFields):
    """A connection that is tested without being saved."""

    required = frozenset({"host", "username", "password"})

    name: Name | None = None
    password: Password | None = None
    purpose: Purpose = "source"


class ConnectionCreate(ConnectionFields):
    required = frozenset({"host", "username", "password"})

    name: Name
    password: Password | None = Field(default=None, description="Required but for sqlite; may be empty")


class ConnectionPlace(ConnectionFields):
    """A saved connection without its password, which is not needed to change the rest."""

    name: Name


@partial_of(ConnectionCreate)
class ConnectionUpdate(Payload):
    """Fields to change. Changing where the connection points needs the password again."""


class SavedTest(Payload):
    """How to test a saved connection."""

    purpose: Purpose = "source"


class OptionsOut(Answer):
    ssl_mode: SslMode
    ssl_ca: str | None
    ssl_cert: str | None
    ledger_schema: str | None
    max_parallel: int
    session_time_zone: str


class ConnectionWarning(Answer):
    code: str
    message: str


class ConnectionRead(Answer):
    id: IdText
    name: str
    db_type: DatabaseType
    host: str | None
    port: int | None
    database: str
    username: str | None
    options: OptionsOut
    status: Literal["ok", "secret_unreadable"]
    warnings: list[ConnectionWarning]
    created_at: UtcInstant
    updated_at: UtcInstant
    last_tested_at: UtcInstant | None
    last_test_status: Literal["success", "failed"] | None
    version: int


class TestStepRead(Answer):
    step: str
    ok: bool | None
    message: str | None
    hint: str | None
    duration_ms: float | None


class TestReportRead(Answer):
    success: bool
    message: str
    server_version: str | None
    latency_ms: float | None
    steps: list[TestStepRead]


class TableColumnRead(Answer):
    name: str
    data_type: str
    database_type: str
    nullable: bool


class TableRead(Answer):
    namespace: str | None
    name: str
    kind: str
    columns: list[TableColumnRead]


def read_connection(connection: Connection, keyring: Keyring) -> ConnectionRead:
    """Return what may be shown of a connection."""
    unreadable = any(not keyring.can_decrypt(token) for token in _tokens(connection))
    options = connection.options
    return ConnectionRead(
        id=str(connection.id),
        name=connection.name,
        db_type=connection.db_type,
        host=connection.host,
        port=connection.port,
        database=connection.database,
        username=connection.username,
        options=OptionsOut(
            ssl_mode=options.ssl_mode,
            ssl_ca=options.ssl_ca,
            ssl_cert=options.ssl_cert,
            ledger_schema=options.ledger_schema,
            max_parallel=options.max_parallel,
            session_time_zone=options.session_time_zone,
        ),
        status="secret_unreadable" if unreadable else "ok",
        warnings=_warnings(connection, unreadable=unreadable),
        created_at=connection.created_at,
        updated_at=connection.updated_at,
        last_tested_at=connection.last_tested_at,
        last_test_status=connection.last_test_status,
        version=connection.version,
    )


def _tokens(connection: Connection) -> list[str]:
    found = (connection.password_encrypted, connection.options.ssl_key_encrypted)
    return [token for token in found if token is not None]


def _warnings(connection: Connection, *, unreadable: bool) -> list[ConnectionWarning]:
    warnings = []
    if unreadable:
        message = "No encryption key opens a stored secret: enter it again, or give the key back"
        warnings.append(ConnectionWarning(code="secret_unreadable", message=message))
    is_remote = connection.host not in (None, "localhost", "127.0.0.1", "::1")
    if is_remote and connection.options.ssl_mode in ("disable", "prefer"):
        message = "The password and the rows may travel without encryption: set ssl_mode to verify-full"
        warnings.append(ConnectionWarning(code="tls_not_required", message=message))
    return warnings
