"""Every setting of both services, read once at start from the environment and `.env`."""

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.env_file import EnvFileError, read_env_file
from shared.file_lock import exclusive_lock
from shared.secret import Secret

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_TARGET_SCHEMES = ("postgresql", "mysql", "sqlite")
_JWT_KEY_CHARACTERS = 32


class SettingsError(Exception):
    """What is wrong with the settings: one line per fault, naming its variable, never a secret's value."""


def _split_keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(","))


def _check_keys(keys: tuple[Secret, ...]) -> tuple[Secret, ...]:
    for key in keys:
        Fernet(key.reveal())
    return keys


def _split_networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    return () if value == "none" else tuple(part.strip() for part in value.split(","))


def _parse_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        parts = urlsplit(origin)
        if f"{parts.scheme}://{parts.netloc}" != origin or parts.scheme not in ("http", "https"):
            raise ValueError("not an origin")
    return origins


def _check_mongodb_url(url: Secret) -> Secret:
    if not re.match(r"mongodb(\+srv)?://[^/]", url.reveal()):
        raise ValueError("not a MongoDB URL")
    return url


def _check_target_url(url: Secret) -> Secret:
    parts = urlsplit(url.reveal())
    scheme = parts.scheme.partition("+")[0]
    if scheme not in _TARGET_SCHEMES or (scheme != "sqlite" and not parts.hostname):
        raise ValueError("not a database URL")
    return url


def _check_dsn(dsn: Secret) -> Secret:
    parts = urlsplit(dsn.reveal())
    if parts.scheme not in ("http", "https") or not (
        parts.username and parts.hostname and parts.path.strip("/")
    ):
        raise ValueError("not a DSN")
    return dsn


def _check_headers(headers: Secret) -> Secret:
    if not re.fullmatch(r"\s*[\w-]+=[!-~ ]+", headers.reveal()):
        raise ValueError("not headers")
    return headers


def _check_smtp_url(url: Secret) -> Secret:
    parts = urlsplit(url.reveal())
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("not the URL of a mail server")
    _ = parts.port  # raises ValueError beyond 65535
    return url


def _check_jwt_key(key: Secret) -> Secret:
    if len(key.reveal()) < _JWT_KEY_CHARACTERS:
        raise ValueError("too short")
    return key


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _check_page(folder: Path) -> Path:
    if not (folder / "index.html").is_file():
        raise ValueError("not a built web UI")
    return folder


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Folder = Annotated[Path, AfterValidator(_absolute)]
UiFolder = Annotated[Path, AfterValidator(_absolute), AfterValidator(_check_page)]
Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]+$")]
Days = Annotated[int, Field(ge=1, le=36500)]
Keys = Annotated[tuple[Secret, ...], BeforeValidator(_split_keys), AfterValidator(_check_keys)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_split_networks)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_parse_json), AfterValidator(_check_origins)]
MongodbUrl = Annotated[Secret, AfterValidator(_check_mongodb_url)]
TargetUrl = Annotated[Secret, AfterValidator(_check_target_url)]
SentryDsn = Annotated[Secret, AfterValidator(_check_dsn)]
OtlpHeaders = Annotated[Secret, AfterValidator(_check_headers)]
SmtpUrl = Annotated[Secret, AfterValidator(_check_smtp_url)]
JwtKey = Annotated[Secret, AfterValidator(_check_jwt_key)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]

_PORT = "a port from 1 to 65535"
_HOST = "an address or a host name"
_DAYS = "a whole number of days from 1 to 36500"


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _default_networks(values: dict[str, Any]) -> tuple[Network, ...]:
    return _LOOPBACK if values.get("app_env") == "development" else ()


def _default_log_format(values: dict[str, Any]) -> Literal["json", "console"]:
    return "console" if values.get("app_env") == "development" else "json"


def _default_target_url(values: dict[str, Any]) -> Secret:
    return Secret(f"sqlite:///{values['data_dir'] / 'target.sqlite3'}")


class Settings(BaseModel):
    """The settings; the variable of a field is its name in capitals, its description the legal values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    app_env: Literal["development", "staging", "production"] = Field(
        "development", description="development, staging or production"
    )
    config_api_host: Host = Field("127.0.0.1", description=_HOST)
    config_api_port: Port = Field(8000, description=_PORT)
    executor_host: Host = Field("127.0.0.1", description=_HOST)
    executor_port: Port = Field(8001, description=_PORT)
    ui_port: Port = Field(5173, description=_PORT)
    ui_dir: UiFolder | None = Field(None, description="a folder with the built web UI and its index.html")
    api_v1_prefix: str = Field(
        "/api/v1",
        pattern=r"^(/[A-Za-z0-9._~-]+)+$",
        description="a path such as /api/v1, without a slash at its end",
    )
    cors_origins: Origins = Field(
        ("http://localhost:5173", "http://localhost:3000"),
        description='a JSON list of origins such as ["http://localhost:5173"]',
    )
    mongodb_url: MongodbUrl | None = Field(
        None, description="a URL that starts with mongodb:// or mongodb+srv://"
    )
    mongodb_db_name: str = Field(
        "etl_engine", pattern=r"^[A-Za-z0-9_-]{1,63}$", description="1 to 63 letters, digits, _ or -"
    )
    encryption_key: Keys = Field(
        (), description="one Fernet key or several separated by commas, the writing one first"
    )
    jwt_secret_key: JwtKey | None = Field(None, description=f"at least {_JWT_KEY_CHARACTERS} characters")
    allow_no_login: bool = Field(default=False, description="1 or 0")
    access_token_seconds: int = Field(900, ge=60, le=86400, description="a whole number from 60 to 86400")
    refresh_token_days: int = Field(14, ge=1, le=365, description="a whole number from 1 to 365")
    requests_per_minute: int = Field(6000, ge=1, description="a whole number from 1")
    logins_per_minute: int = Field(10, ge=1, description="a whole number from 1")
    data_dir: Folder = Field(Path(".data"), validate_default=True, description="a folder")
    sqlite_root: Folder = Field(
        default_factory=lambda values: values["data_dir"] / "sqlite", description="a folder"
    )
    target_database_url: TargetUrl = Field(
        default_factory=_default_target_url,
        description="a URL that starts with postgresql://, mysql:// or sqlite:///",
    )
    target_max_parallel: int = Field(4, ge=1, le=64, description="a whole number from 1 to 64")
    allowed_private_networks: Networks = Field(
        default_factory=_default_networks,
        description="networks such as 10.0.0.0/8,fd00::/8 without host bits, or none",
    )
    smtp_url: SmtpUrl | None = Field(
        None, description="a URL such as smtps://user:password@mail.example.org, with smtp:// or smtps://"
    )
    smtp_from: str | None = Field(
        None, pattern=r"^[^\s@<>,]+@[A-Za-z0-9.-]+$", description="an address such as etl@example.org"
    )
    executor_workers: int = Field(
        default_factory=_available_cores, ge=1, le=256, description="a whole number from 1 to 256"
    )
    lease_seconds: float = Field(30, ge=1, le=3600, description="a number from 1 to 3600")
    poll_seconds: float = Field(2, ge=0.05, le=60, description="a number from 0.05 to 60")
    shutdown_grace_seconds: float = Field(30, ge=0, le=3600, description="a number from 0 to 3600")
    commit_seconds: float = Field(600, ge=1, le=86400, description="a number from 1 to 86400")
    log_level: LogLevel = Field("info", description="debug, info, warning or error")
    log_format: Literal["json", "console"] = Field(
        default_factory=_default_log_format, description="json or console"
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*[^\s@?#/])?$",
        description="a URL such as http://localhost:4318, without a slash at its end",
    )
    otel_exporter_otlp_headers: OtlpHeaders | None = Field(
        None, description="headers such as name=value,name=value"
    )
    sentry_dsn: SentryDsn | None = Field(None, description="a URL such as https://key@sentry.example.org/7")
    run_retention_days: Days = Field(90, description=_DAYS)
    log_retention_days: Days = Field(30, description=_DAYS)
    rejected_row_retention_days: Days = Field(30, description=_DAYS)

    @property
    def heartbeat_seconds(self) -> float:
        """Seconds between two renewals of a lease: a third of it, so that two may be lost."""
        return self.lease_seconds / 3

    @property
    def rescue_seconds(self) -> float:
        """Seconds between two searches for runs whose lease has ended."""
        return self.lease_seconds / 3

    @property
    def runs_on_loopback(self) -> bool:
        """Whether the config API can be reached from this machine only."""
        return _is_loopback(self.config_api_host)

    @property
    def login_required(self) -> bool:
        """Whether requests without a login are refused."""
        return not (self.allow_no_login or (self.app_env == "development" and self.runs_on_loopback))

    @staticmethod
    def from_environment(env: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `env`; without it from the environment, then `.env` in the current folder.

        An empty value counts as unset. A secret may stand in a file that NAME_FILE names. In development a
        missing encryption key is made and kept in the data folder.
        Raises: SettingsError with every fault that was found.
        """
        given, faults = _gather(_merge_env_file() if env is None else env)
        settings, more = _validate(given)
        faults += more + _find_rule_faults(settings, given)
        if faults:
            raise SettingsError(
                "\n".join(["The settings cannot be used:", *(f"  {fault}" for fault in faults)])
            )
        if settings.encryption_key:
            return settings
        return settings.model_copy(update={"encryption_key": (load_development_key(settings.data_dir),)})


_SECRETS = (
    *("mongodb_url", "encryption_key", "jwt_secret_key", "target_database_url", "smtp_url"),
    *("otel_exporter_otlp_headers", "sentry_dsn"),
)


def _merge_env_file() -> dict[str, str]:
    try:
        from_file = read_env_file(Path(".env"))
    except (EnvFileError, OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings cannot be used:\n  .env cannot be read: {error}") from error
    for name in (secret.upper() for secret in _SECRETS):
        if os.environ.get(name) or os.environ.get(f"{name}_FILE"):
            from_file.pop(name, None)
            from_file.pop(f"{name}_FILE", None)
    return from_file | {name: value for name, value in os.environ.items() if value.strip()}


def _gather(env: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    given = {
        field: env[field.upper()].strip()
        for field in Settings.model_fields
        if env.get(field.upper(), "").strip()
    }
    faults: list[str] = []
    for field in _SECRETS:
        if not (path := env.get(f"{field.upper()}_FILE", "").strip()):
            continue
        if field in given:
            faults.append(f"{field.upper()} and {field.upper()}_FILE are both set; one of them is needed")
            continue
        try:
            given[field] = Path(path).expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            faults.append(f"{field.upper()}_FILE names a file that cannot be read: {reason}")
    return given, faults


def _validate(given: dict[str, str]) -> tuple[Settings, list[str]]:
    """Return the settings, with defaults for faulty values so that the rules between them are checked too."""
    try:
        return Settings.model_validate(given), []
    except ValidationError as error:
        faulty = {str(fault["loc"][0]) for fault in error.errors(include_input=False, include_url=False)}
        sound = {field: value for field, value in given.items() if field not in faulty}
        return Settings.model_validate(sound), [
            _describe_fault(field, given[field]) for field in given if field in faulty
        ]


def _describe_fault(field: str, value: str) -> str:
    legal = Settings.model_fields[field].description
    found = "" if field in _SECRETS else f"; found {value!r}"
    return f"{field.upper()} must be {legal}{found}"


def _find_rule_faults(settings: Settings, given: Mapping[str, str]) -> list[str]:
    return [
        *_find_login_faults(settings, given),
        *_find_key_faults(settings, given),
        *_find_port_faults(settings),
        *_find_mail_faults(given),
    ]


def _find_login_faults(settings: Settings, given: Mapping[str, str]) -> list[str]:
    """A login without a key of its own to sign with is no login; there is no default key."""
    if not settings.login_required or "jwt_secret_key" in given:
        return []
    legal = Settings.model_fields["jwt_secret_key"].description
    return [
        f"JWT_SECRET_KEY is needed for the login: {legal}. Without login: APP_ENV=development and a loopback "
        "CONFIG_API_HOST, or ALLOW_NO_LOGIN=1 where nobody else can reach the port"
    ]


def _find_key_faults(settings: Settings, given: Mapping[str, str]) -> list[str]:
    if settings.app_env == "development" or "encryption_key" in given:
        return []
    legal = Settings.model_fields["encryption_key"].description
    return [f"ENCRYPTION_KEY is needed unless APP_ENV is development: {legal}"]


def _find_port_faults(settings: Settings) -> list[str]:
    if (
        settings.config_api_port != settings.executor_port
        or settings.config_api_host != settings.executor_host
    ):
        return []
    return [f"CONFIG_API_PORT and EXECUTOR_PORT are both {settings.executor_port}; they must differ"]


def _find_mail_faults(given: Mapping[str, str]) -> list[str]:
    if "smtp_url" not in given or "smtp_from" in given:
        return []
    legal = Settings.model_fields["smtp_from"].description
    return [f"SMTP_FROM is needed where SMTP_URL is set: {legal}"]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_development_key(data_dir: Path) -> Secret:
    """Return the data folder's own encryption key, making it first where there is none.

    Services that start together get the same key: the first makes it under a lock and renames it into place.
    """
    path = data_dir / "encryption.key"
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive_lock(data_dir / "encryption.key.lock"):
        if not path.exists():
            _write_private(path, Fernet.generate_key())
    return Secret(path.read_text("ascii").strip())


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
