"""The two database servers of a benchmark and the four databases on them."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from local_servers import Database, MariadbServer, PostgresqlServer, temporary_server

# Enough memory that the disk is not what is measured, and no background work that hits one run by chance.
POSTGRESQL_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "1GB",
        "max_wal_size": "16GB",
        "checkpoint_timeout": "1h",
        "maintenance_work_mem": "256MB",
        "autovacuum": "off",
    }
)
MARIADB_SETTINGS: Mapping[str, str] = MappingProxyType(
    {"innodb-buffer-pool-size": "2G", "innodb-log-file-size": "2G"}
)


@dataclasses.dataclass(frozen=True)
class Databases:
    """`sources` and `targets` by flavour: a source and a target of one flavour share a server."""

    sources: Mapping[str, Database]
    targets: Mapping[str, Database]
    versions: Mapping[str, str]
    settings: Mapping[str, Mapping[str, str]]
    admins: Mapping[str, Database]
    pids: tuple[int, ...]

    def settle(self) -> None:
        """Outside of the measured time: write back what the last run left behind."""
        self.admins["postgresql"].execute("CHECKPOINT")


@contextlib.contextmanager
def benchmark_servers(*, mariadb: bool = True) -> Iterator[Databases]:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(temporary_server(PostgresqlServer, settings=POSTGRESQL_SETTINGS))]
        everything: list[PostgresqlServer | MariadbServer] = [*servers]
        if mariadb:
            everything.append(stack.enter_context(temporary_server(MariadbServer, settings=MARIADB_SETTINGS)))
        yield Databases(
            sources={server.flavour: server.access.create_database("source") for server in everything},
            targets={server.flavour: server.access.create_database("target") for server in everything},
            versions={server.flavour: version_of(server.access.admin()) for server in everything},
            settings={server.flavour: dict(server.settings) for server in everything},
            admins={server.flavour: server.access.admin() for server in everything},
            pids=tuple(server.process.pid for server in everything),
        )


def version_of(admin: Database) -> str:
    question = "SHOW server_version" if admin.flavour == "postgresql" else "SELECT version()"
    return str(admin.rows(question)[0][0])
