"""From stored connections to what a dialect connects with, secrets opened: in memory only."""

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import TypeAdapter, ValidationError

from shared.dialects.base import ConnectionSettings
from shared.documents.connection import (
    DEFAULT_PORTS,
    DEFAULT_TARGET_ID,
    Connection,
    DatabaseType,
    SslMode,
)
from shared.encryption import Keyring
from shared.errors import ConfigError
from shared.secret import Secret
from shared.settings import Settings

_SSL_MODE: TypeAdapter[SslMode] = TypeAdapter(SslMode)
_SSL_PARAMETERS = ("sslmode", "ssl_mode")


def open_connection_settings(
    connection: Connection, keyring: Keyring, sqlite_root: Path
) -> ConnectionSettings:
    """Return the settings of a stored connection, its secrets decrypted.

    Raises: SecretUnreadable, ConfigError for a SQLite name that is no plain file name.
    """
    options = connection.options
    return ConnectionSettings(
        connection_id=str(connection.id),
        db_type=connection.db_type.value,
        database=_database(connection, sqlite_root),
        host=connection.host,
        port=connection.port,
        username=connection.username,
        password=_decrypt(keyring, connection.password_encrypted),
        ssl_mode=options.ssl_mode,
        ssl_ca=options.ssl_ca,
        ssl_cert=options.ssl_cert,
        ssl_key=_decrypt(keyring, options.ssl_key_encrypted),
        ledger_schema=options.ledger_schema,
        session_time_zone=options.session_time_zone,
    )


def default_target_settings(settings: Settings) -> ConnectionSettings:
    """Return the default target, TARGET_DATABASE_URL. Raises ConfigError for a URL that names no database."""
    url = settings.target_database_url.reveal()
    scheme, _, rest = url.partition("://")
    db_type = DatabaseType(scheme.partition("+")[0])
    if db_type is DatabaseType.SQLITE:
        return ConnectionSettings(DEFAULT_TARGET_ID, db_type.value, _sqlite_url_path(rest))
    parts = urlsplit(url)
    database = unquote(parts.path.removeprefix("/"))
    if not database:
        raise _bad_target("names no database")
    return ConnectionSettings(
        connection_id=DEFAULT_TARGET_ID,
        db_type=db_type.value,
        database=database,
        host=parts.hostname,
        port=parts.port or DEFAULT_PORTS[db_type],
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else Secret(unquote(parts.password)),
        ssl_mode=_ssl_mode(parts.query),
    )


def sqlite_path(sqlite_root: Path, tenant_id: str, file_name: str) -> Path:
    """Return the place of a tenant's SQLite file; its folder is made. Raises ConfigError for any other path."""
    if not is_plain_file_name(file_name):
        raise ConfigError("database must be a plain file name, without folders", loc=("database",))
    folder = sqlite_root / tenant_id
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / file_name
    if path.is_symlink():
        raise ConfigError("database must be a file, not a link to one", loc=("database",))
    return path


def is_plain_file_name(name: str) -> bool:
    """Whether a name stays in its folder whatever the operating system makes of it."""
    return bool(name.strip(". ")) and not any(mark in name for mark in "/\\:\0?#%")


def _database(connection: Connection, sqlite_root: Path) -> str:
    if connection.db_type is not DatabaseType.SQLITE:
        return connection.database
    return str(sqlite_path(sqlite_root, connection.tenant_id, connection.database))


def _decrypt(keyring: Keyring, token: str | None) -> Secret | None:
    return None if token is None else keyring.decrypt(token)


def _sqlite_url_path(rest: str) -> str:
    # sqlite:///relative, sqlite:////absolute: the third slash belongs to the URL, not to the path.
    path = unquote(rest.partition("?")[0].removeprefix("/"))
    if not path or path == ":memory:":
        raise _bad_target("names no file")
    absolute = Path(path).expanduser().absolute()
    absolute.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(absolute)


def _ssl_mode(query: str) -> SslMode:
    for name, value in parse_qsl(query):
        if name in _SSL_PARAMETERS:
            try:
                return _SSL_MODE.validate_python(value)
            except ValidationError as error:
                raise _bad_target("has an unknown sslmode") from error
    return "prefer"


def _bad_target(fault: str) -> ConfigError:
    return ConfigError(f"TARGET_DATABASE_URL {fault}", code="invalid_default_target")
