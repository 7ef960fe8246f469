"""Rules of connections: secrets go in only, and never to a place they were not given for."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bson import ObjectId

from config_api.blocking import BlockingWork
from config_api.changes import apply_changes
from config_api.connections.payloads import (
    ConnectionCreate,
    ConnectionFields,
    ConnectionPlace,
    ConnectionTest,
    ConnectionUpdate,
    OptionsIn,
    Purpose,
)
from config_api.connections.sample import SAMPLE_FILE, SAMPLE_NAME, write_sample
from config_api.versions import ExpectedVersion
from shared.addresses import Network, check_address
from shared.clock import Clock
from shared.connection_settings import open_connection_settings, sqlite_path
from shared.connection_test import ConnectionTestReport, test_connection
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, SessionLimits, TableListing
from shared.dialects.base import Purpose as SessionPurpose
from shared.documents.connection import Connection, DatabaseType, StoredOptions
from shared.encryption import Keyring
from shared.errors import ConfigError, Conflict
from shared.parts import NEEDS_POSTGRESQL
from shared.secret import Secret
from shared.store.client import Session
from shared.store.documents import Listing, Page
from shared.store.stores import Stores

TEST_SECONDS = 5.0
TABLES_LIMITS = SessionLimits(connect_seconds=5, statement_seconds=20, lock_seconds=5)
NAMED_REFERRERS = 10


@dataclass(frozen=True)
class ConnectionOpener:
    """From stored connections to settings that may be connected to from here."""

    keyring: Keyring
    sqlite_root: Path
    allowed_networks: tuple[Network, ...]

    def open(self, connection: Connection) -> ConnectionSettings:
        """Decrypt a connection and resolve its host. Blocking. Raises SecretUnreadable, HostRefused."""
        return self.resolve(open_connection_settings(connection, self.keyring, self.sqlite_root))

    def resolve(self, settings: ConnectionSettings) -> ConnectionSettings:
        """Fix the address that is connected to. Blocking. Raises HostRefused, HostUnknown."""
        if settings.host is None:
            return settings
        return replace(settings, hostaddr=check_address(settings.host, self.allowed_networks))


class ConnectionService:
    def __init__(
        self, stores: Stores, opener: ConnectionOpener, blocking: BlockingWork, clock: Clock
    ) -> None:
        self._stores = stores
        self._opener = opener
        self._keyring = opener.keyring
        self._blocking = blocking
        self._clock = clock

    async def create(self, tenant_id: str, payload: ConnectionCreate) -> Connection:
        """Store a new connection. Raises Conflict `name_taken`."""
        return await self._stores.connections.insert(self._build(tenant_id, payload.name, payload))

    async def provide_sample(self, tenant_id: str) -> tuple[Connection, bool]:
        """Return the connection to the tenant's sample data, and whether it was made just now.

        What is missing of it is made: rows, tables, file, connection. Raises Conflict `name_taken`.
        """
        await self._blocking.run_query(_write_sample, self._opener.sqlite_root, tenant_id)
        found = await self._find_sample(tenant_id)
        if found is not None:
            return found, False
        fields = ConnectionFields(db_type=DatabaseType.SQLITE, database=SAMPLE_FILE)
        try:
            made = await self._stores.connections.insert(self._build(tenant_id, SAMPLE_NAME, fields))
        except Conflict:
            found = await self._find_sample(tenant_id)
            if found is None:
                raise
            return found, False
        return made, True

    async def _find_sample(self, tenant_id: str) -> Connection | None:
        query = {"db_type": DatabaseType.SQLITE.value, "database": SAMPLE_FILE}
        return next(iter(await self._stores.connections.find_where(tenant_id, query, limit=1)), None)

    async def get(self, tenant_id: str, connection_id: ObjectId) -> Connection:
        return await self._stores.connections.get(tenant_id, connection_id)

    async def list_page(self, tenant_id: str, page: Page) -> Listing[Connection]:
        return await self._stores.connections.list_page(tenant_id, page)

    async def update(
        self, tenant_id: str, connection_id: ObjectId, changes: ConnectionUpdate, expected: ExpectedVersion
    ) -> Connection:
        """Change the fields that were sent. Raises ConfigError `password_required`, `parts_need_postgresql`."""

        async def body(session: Session) -> Connection:
            current = await self._stores.connections.get(tenant_id, connection_id, session)
            expected.check(current.version)
            changed = self._change(current, changes)
            if changed.db_type is not current.db_type:
                await self._refuse_parts(changed, session)
            fields = CHANGEABLE_FIELDS
            return await self._stores.connections.update(
                changed, fields, expected_version=current.version, session=session
            )

        return await self._stores.client.transaction(body)

    async def _refuse_parts(self, changed: Connection, session: Session) -> None:
        """Keep a source that mappings read in parts from becoming one that cannot be read so."""
        if dialect_for(changed.db_type.value).capabilities.shared_snapshots:
            return
        users = await self._stores.mappings.using_connection(changed.tenant_id, changed.id, session)
        for mapping in users:
            if mapping.read_in_parts is not None and mapping.source_connection_id == changed.id:
                raise ConfigError(
                    f"The mapping {mapping.name!r} reads this source in parts (read_in_parts), which db_type"
                    " postgresql alone can do",
                    code=NEEDS_POSTGRESQL,
                    loc=("db_type",),
                )

    async def delete(self, tenant_id: str, connection_id: ObjectId, expected: ExpectedVersion) -> None:
        """Delete a connection that nothing refers to. Raises Conflict `referenced` naming the referrers."""

        async def body(session: Session) -> None:
            current = await self._stores.connections.get(tenant_id, connection_id, session)
            expected.check(current.version)
            users = await self._stores.mappings.using_connection(tenant_id, connection_id, session)
            refuse_referenced("connection", "mapping", [mapping.name for mapping in users])
            await self._stores.connections.delete(tenant_id, connection_id, session)

        await self._stores.client.transaction(body)

    async def test_unsaved(self, tenant_id: str, payload: ConnectionTest) -> ConnectionTestReport:
        """Test a connection as it was sent; nothing is stored."""
        connection = self._build(tenant_id, payload.name or "", payload)
        return await self._test(connection, payload.purpose)

    async def test_saved(
        self, tenant_id: str, connection_id: ObjectId, purpose: Purpose
    ) -> ConnectionTestReport:
        """Test a stored connection and note how it went; its version stays."""
        connection = await self._stores.connections.get(tenant_id, connection_id)
        report = await self._test(connection, purpose)
        await self._stores.connections.record_test(
            tenant_id, connection_id, self._clock(), "success" if report.success else "failed"
        )
        return report

    async def list_tables(self, tenant_id: str, connection_id: ObjectId) -> list[TableListing]:
        """Return the tables and views that the connection's user sees."""
        connection = await self._stores.connections.get(tenant_id, connection_id)
        return await self._blocking.run_query(_list_tables, self._opener, connection)

    async def _test(self, connection: Connection, purpose: Purpose) -> ConnectionTestReport:
        settings = open_connection_settings(connection, self._keyring, self._opener.sqlite_root)
        return await self._blocking.run_test(
            test_connection,
            settings,
            purpose,
            TEST_SECONDS,
            allowed_private=self._opener.allowed_networks,
        )

    def _build(self, tenant_id: str, name: str, payload: ConnectionFields) -> Connection:
        now = self._clock()
        return Connection(
            tenant_id=tenant_id,
            name=name,
            created_at=now,
            updated_at=now,
            **self._place(payload),
            password_encrypted=self._encrypt(getattr(payload, "password", None)),
            options=self._store_options(payload.options),
        )

    def _place(self, payload: ConnectionFields) -> dict[str, Any]:
        return {
            "db_type": payload.db_type,
            "host": payload.host,
            "port": payload.effective_port,
            "database": payload.database,
            "username": payload.username,
        }

    def _store_options(self, options: OptionsIn, kept_key: str | None = None) -> StoredOptions:
        return StoredOptions(
            **options.model_dump(exclude={"ssl_key"}),
            ssl_key_encrypted=self._encrypt(options.ssl_key) or kept_key,
        )

    def _encrypt(self, secret: Secret | None) -> str | None:
        return None if secret is None else self._keyring.encrypt(secret)

    def _change(self, current: Connection, changes: ConnectionUpdate) -> Connection:
        place = apply_changes(ConnectionPlace, _as_place(current), changes)
        sent: dict[str, Any] = {name: getattr(changes, name) for name in changes.model_fields_set}
        options = current.options
        if "options" in sent:
            options = self._store_options(place.options, _kept_key(current, place.options))
        changed = current.model_copy(
            update={
                **self._place(place),
                "name": place.name,
                "options": options,
                "updated_at": self._clock(),
            }
        )
        if "password" in sent:
            return _with_password(changed, self._encrypt(sent["password"]))
        if changed.db_type is DatabaseType.SQLITE:
            return _with_password(changed, None)
        if _points_elsewhere(current, changed):
            raise ConfigError(
                "The password is needed again when host, port, db_type, username or TLS options change",
                code="password_required",
                loc=("password",),
            )
        return changed


CHANGEABLE_FIELDS = (
    *("name", "db_type", "host", "port", "database", "username", "password_encrypted", "options"),
)


def refuse_referenced(noun: str, referrer: str, names: list[str]) -> None:
    """Raise Conflict `referenced` when there are referrers, naming the first of them."""
    if not names:
        return
    shown = ", ".join(repr(name) for name in names[:NAMED_REFERRERS])
    more = f" and {len(names) - NAMED_REFERRERS} more" if len(names) > NAMED_REFERRERS else ""
    plural = "s" if len(names) > 1 else ""
    raise Conflict(f"The {noun} is used by the {referrer}{plural} {shown}{more}", code="referenced")


def _write_sample(sqlite_root: Path, tenant_id: str) -> None:
    write_sample(sqlite_path(sqlite_root, tenant_id, SAMPLE_FILE))


def _list_tables(opener: ConnectionOpener, connection: Connection) -> list[TableListing]:
    settings = opener.open(connection)
    session = dialect_for(settings.db_type).connect(settings, SessionPurpose.PREVIEW, TABLES_LIMITS)
    try:
        return session.dialect.list_tables(session)
    finally:
        session.close()


def _as_place(connection: Connection) -> ConnectionPlace:
    options = OptionsIn.model_construct(**connection.options.model_dump(exclude={"ssl_key_encrypted"}))
    fields = ("name", "db_type", "host", "port", "database", "username")
    return ConnectionPlace.model_construct(
        **{name: getattr(connection, name) for name in fields}, options=options
    )


def _with_password(connection: Connection, token: str | None) -> Connection:
    if token is None and connection.db_type is not DatabaseType.SQLITE:
        raise ConfigError("Field required", code="missing", loc=("password",))
    if token is not None and connection.db_type is DatabaseType.SQLITE:
        raise ConfigError("must be absent for sqlite", code="forbidden_for_sqlite", loc=("password",))
    return connection.model_copy(update={"password_encrypted": token})


def _kept_key(current: Connection, options: OptionsIn) -> str | None:
    """A client never holds the private key, so it stays with its certificate unless null was sent for it."""
    if "ssl_key" in options.model_fields_set or options.ssl_cert != current.options.ssl_cert:
        return None
    return current.options.ssl_key_encrypted


def _points_elsewhere(current: Connection, changed: Connection) -> bool:
    place = ("db_type", "host", "port", "username")
    tls = ("ssl_mode", "ssl_ca", "ssl_cert", "ssl_key_encrypted")
    return any(getattr(current, name) != getattr(changed, name) for name in place) or any(
        getattr(current.options, name) != getattr(changed.options, name) for name in tls
    )
