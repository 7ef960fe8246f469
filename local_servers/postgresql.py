import signal
from pathlib import Path
from types import MappingProxyType

from local_servers.access import ServerAccess
from local_servers.errors import ServerMissing
from local_servers.machine import LOOPBACK, find_program, own
from local_servers.packages import install_packages
from local_servers.server import LocalServer

DEBIAN_FOLDER = Path("/usr/lib/postgresql")
# Debian's package of the newest version it has.
PACKAGES = ("postgresql",)


class PostgresqlServer(LocalServer):
    flavour = "postgresql"
    users = ("postgres",)
    stop_signal = signal.SIGINT  # fast shutdown: sessions are ended, data is flushed
    fast_settings = MappingProxyType({"fsync": "off", "full_page_writes": "off"})
    common_settings = MappingProxyType(
        {
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "max_wal_size": "2GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C",
        }
    )

    @staticmethod
    def find_programs() -> Path | None:
        """The folder with initdb and postgres: the newest of Debian's, else that on PATH."""
        for folder in sorted(DEBIAN_FOLDER.glob("*/bin"), key=version_of, reverse=True):
            if find_program("initdb", [folder]) == folder / "initdb":
                return folder
        initdb = find_program("initdb")
        return initdb.resolve().parent if initdb else None

    @classmethod
    def programs(cls) -> Path:
        """As `find_programs`, but installed from the system's packages when missing and permitted."""
        folder = cls.find_programs()
        if folder is None:
            install_packages("PostgreSQL", PACKAGES)
            folder = cls.find_programs()
        if folder is None:
            raise ServerMissing("PostgreSQL was installed but its initdb is not to be found")
        return folder

    def _initialise(self, access: ServerAccess) -> None:
        secret = self.folder / "admin_password"
        secret.touch(0o600)
        secret.write_text(access.admin_password)
        own(secret, self.user)
        options = [f"--username={access.admin_username}", f"--pwfile={secret}", "--auth=scram-sha-256"]
        options += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions", str(self.data)]
        self._run_tool([str(self.programs() / "initdb"), *options])
        secret.unlink()

    def _command(self, access: ServerAccess) -> list[str]:
        arguments = [f"--{name}={value}" for name, value in self.settings.items()]
        return [str(self.programs() / "postgres"), "-D", str(self.data), f"--port={access.port}", *arguments]

    def _prepare(self, access: ServerAccess) -> None:
        with access.admin().cursor() as cursor:
            cursor.execute(f'CREATE ROLE "{access.username}" LOGIN PASSWORD %s', (access.password,))


def version_of(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0
