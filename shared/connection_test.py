"""Tests a connection step by step, in at most a few seconds whatever the host does (API.md, Connections)."""

import contextlib
import dataclasses
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.addresses import ANY_PRIVATE, Network, Resolver, check_address, resolve_name
from shared.connection_probe import Deadline, ProbeFailed, negotiate_tls, open_port
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, Session, SessionLimits, TableName
from shared.errors import EngineError
from shared.types import DataType, TargetField

StepName = Literal["name", "port", "tls", "login", "database", "read", "write"]
TestPurpose = Literal["source", "target"]

_NETWORK_STEPS: tuple[StepName, ...] = ("name", "port", "tls", "login")
_PORTS = {"postgresql": 5432, "mysql": 3306}
_REACH_SHARE = 0.6
_PROBE_PREFIX = "etl_engine_probe_"

_HINTS = {
    "host_refused": "Use a public host name, or have the network allowed in the settings.",
    "host_unknown": "Check the spelling of the host, and that its name can be resolved from here.",
    "wrong_password": "Check the user name and the password.",
    "login_refused": "The database knows the user not at all, or not from this machine: see its access rules.",
    "database_not_found": "Check the spelling of the database; it has to exist.",
    "missing_right": "Grant the user the rights that the documentation lists for this database.",
    "too_many_connections": "Close some connections, or allow more at the server.",
    "tls_failed": "Check ssl_mode and the certificates.",
    "file_not_writable": "Check the permissions of the file and its folder.",
    "not_a_database": "The file is damaged, or no SQLite database.",
    "lock_timeout": "Another process holds the database; try again.",
    "statement_cancelled": "The server is slow at present; try again.",
}
_DEFAULT_HINT = "See the database's own log for the reason."


@dataclass(frozen=True)
class ConnectionTestStep:
    """`ok` is None for a step that was not tried."""

    step: StepName
    ok: bool | None
    message: str
    hint: str
    duration_ms: int


@dataclass(frozen=True)
class ConnectionTestReport:
    success: bool
    message: str
    server_version: str | None
    latency_ms: int
    steps: tuple[ConnectionTestStep, ...]


def test_connection(
    settings: ConnectionSettings,
    purpose: TestPurpose = "source",  # noqa: PT028 - tests a connection; it is no test of pytest's
    deadline_seconds: float = 5.0,  # noqa: PT028
    *,
    allowed_private: Sequence[Network] = ANY_PRIVATE,  # noqa: PT028
    resolve: Resolver = resolve_name,  # noqa: PT028
) -> ConnectionTestReport:
    """Try a connection and say in plain words how far it came. Blocking; never raises for what the host does.

    No message holds a secret. The steps run in a thread of their own, which is left behind when the
    deadline passes: whatever it waits for ends by its own time limits.
    """
    run = _TestRun(settings, purpose, Deadline(time.monotonic() + deadline_seconds), allowed_private, resolve)
    thread = threading.Thread(target=run.run, name="connection-test", daemon=True)
    thread.start()
    # A little earlier than promised, for the answer has its own way to go.
    thread.join(deadline_seconds * 0.97)
    return run.report()


class _StepFailed(Exception):
    """Ends the test; the step has been recorded."""


class _TestRun:
    """The steps of one test; `report` may be asked from another thread at any moment."""

    def __init__(
        self,
        settings: ConnectionSettings,
        purpose: TestPurpose,
        deadline: Deadline,
        allowed_private: Sequence[Network],
        resolve: Resolver,
    ) -> None:
        self._settings = settings
        self._purpose = purpose
        self._deadline = deadline
        self._allowed_private = allowed_private
        self._resolve = resolve
        self._lock = threading.Lock()
        self._done: list[ConnectionTestStep] = []
        self._current: tuple[StepName, float] | None = None
        self._server_version: str | None = None
        self._bug: BaseException | None = None
        self._started = time.monotonic()
        # Reaching the server may take a part of the time only: a silent one is then told from a slow one.
        self._reach_deadline = Deadline(self._started + (deadline.at - self._started) * _REACH_SHARE)

    def run(self) -> None:
        try:
            self._run_steps()
        except _StepFailed:
            return
        except BaseException as bug:
            self._bug = bug

    def report(self) -> ConnectionTestReport:
        """Return what is known now; a step under way has failed by then."""
        with self._lock:
            if self._bug is not None:
                raise self._bug
            done, current = list(self._done), self._current
            version = self._server_version
        if current is not None:
            done.append(self._unanswered(*current))
        named = {step.step for step in done}
        steps = [*done, *(_not_tried(step) for step in self._wanted() if step not in named)]
        steps.sort(key=lambda step: self._wanted().index(step.step))
        failed = next((step for step in steps if step.ok is False), None)
        success = failed is None and all(step.ok is not None for step in steps if not self._unused(step.step))
        message = failed.message if failed else f"connected to {version}" if success else "not all was tried"
        return ConnectionTestReport(
            success, message, version, self._milliseconds(self._started), tuple(steps)
        )

    def _wanted(self) -> tuple[StepName, ...]:
        steps: tuple[StepName, ...] = (*_NETWORK_STEPS, "database", "read")
        return (*steps, "write") if self._purpose == "target" else steps

    def _unused(self, step: StepName) -> bool:
        return self._settings.db_type == "sqlite" and step in _NETWORK_STEPS

    def _unanswered(self, step: StepName, started: float) -> ConnectionTestStep:
        message = "no answer in time"
        hint = "The host is silent or very slow: check host and port, and firewalls on the way."
        return ConnectionTestStep(
            step, ok=False, message=message, hint=hint, duration_ms=self._milliseconds(started)
        )

    def _milliseconds(self, started: float) -> int:
        return int((time.monotonic() - started) * 1000)

    # -- the steps ---------------------------------------------------------------------------

    def _run_steps(self) -> None:
        settings = self._settings
        if settings.db_type != "sqlite":
            settings = self._reach_server()
        with contextlib.closing(self._log_in(settings)) as session:
            self._server_version = _version(session)
            self._step("read", lambda: self._read(session))
            if self._purpose == "target":
                self._step("write", lambda: _write(session, settings))

    def _step(self, name: StepName, action: Callable[[], str]) -> None:
        """Run one step and record it. Raises _StepFailed when it fails."""
        with self._recorded(name) as messages:
            messages.append(action())

    @contextlib.contextmanager
    def _recorded(self, name: StepName) -> Iterator[list[str]]:
        if self._deadline.passed():
            raise _StepFailed
        started = time.monotonic()
        with self._lock:
            self._current = (name, started)
        messages: list[str] = []
        try:
            yield messages
        except ProbeFailed as failure:
            self._record(name, started, ok=False, message=failure.message, hint=failure.hint)
            raise _StepFailed from failure
        except EngineError as error:
            hint = _HINTS.get(error.code, _DEFAULT_HINT)
            self._record(_place(error, name), started, ok=False, message=error.message, hint=hint)
            raise _StepFailed from error
        self._record(name, started, ok=True, message=messages[0] if messages else "", hint="")

    def _record(self, name: StepName, started: float, *, ok: bool, message: str, hint: str) -> None:
        step = ConnectionTestStep(name, ok, message, hint, self._milliseconds(started))
        with self._lock:
            if name == "database" and self._current and self._current[0] == "login":
                self._done.append(
                    ConnectionTestStep("login", ok=True, message="accepted", hint="", duration_ms=0)
                )
            self._done.append(step)
            self._current = None

    def _reach_server(self) -> ConnectionSettings:
        """Resolve, connect and negotiate; return the settings with the one address that was checked."""
        settings = self._settings
        host = settings.host or ""
        port = settings.port or _PORTS[settings.db_type]
        with self._recorded("name") as messages:
            address = check_address(host, self._allowed_private, self._resolve)
            messages.append(f"found {address}")
        with self._recorded("port") as messages:
            sock = open_port(address, port, self._reach_deadline)
            messages.append(f"port {port} is open")
        with contextlib.closing(sock):
            self._step("tls", lambda: negotiate_tls(sock, settings, self._reach_deadline))
        return dataclasses.replace(settings, hostaddr=address)

    def _log_in(self, settings: ConnectionSettings) -> Session:
        purpose = Purpose.TARGET if self._purpose == "target" else Purpose.PREVIEW
        seconds = self._deadline.remaining()
        limits = SessionLimits(connect_seconds=seconds, statement_seconds=seconds, lock_seconds=seconds)
        first: StepName = "database" if settings.db_type == "sqlite" else "login"
        with self._recorded(first) as messages:
            session = dialect_for(settings.db_type).connect(settings, purpose, limits)
            messages.append("the file is open" if first == "database" else "accepted")
        if first == "login":
            self._step("database", lambda: "the database is open")
        return session

    def _read(self, session: Session) -> str:
        session.fetch("SELECT 1")
        if self._purpose == "target":
            return "queries are answered"
        count = len(session.dialect.list_tables(session))
        return f"{count} tables and views can be read"


def _place(error: EngineError, name: StepName) -> StepName:
    """A login that fails for want of the database is the database's fault."""
    return "database" if name == "login" and error.code == "database_not_found" else name


def _not_tried(step: StepName) -> ConnectionTestStep:
    return ConnectionTestStep(step, None, "not tried", "", 0)


def _version(session: Session) -> str:
    names = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB", "sqlite": "SQLite"}
    return f"{names[session.dialect.name]} {session.server_version.removeprefix('5.5.5-')}"


def _write(session: Session, settings: ConnectionSettings) -> str:
    """Do once what a run does: make a table of the engine's, write, and drop it."""
    default = session.dialect.capabilities.default_namespace
    for namespace in {default, settings.ledger_schema or default}:
        _write_in(session, namespace)
    return "tables can be made, written and dropped"


def _write_in(session: Session, namespace: str | None) -> None:
    dialect = session.dialect
    table = TableName(f"{_PROBE_PREFIX}{secrets.token_hex(6)}", namespace)
    field = TargetField(name="id", data_type=DataType.INTEGER)
    transactional = dialect.capabilities.transactional_ddl
    session.begin()
    try:
        for statement in dialect.create_table_sql(table, [field], ["id"]):
            session.execute(statement)
        try:
            session.execute(f"INSERT INTO {dialect.qualified(table)} ({dialect.quote('id')}) VALUES (1)")  # noqa: S608
        finally:
            if not transactional:
                session.execute(dialect.drop_table_sql(table))
    finally:
        session.rollback()
