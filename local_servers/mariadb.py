import signal
from pathlib import Path
from types import MappingProxyType

from local_servers.access import ServerAccess
from local_servers.errors import ServerMissing
from local_servers.machine import LOOPBACK, find_program, own
from local_servers.packages import install_packages
from local_servers.server import LocalServer

# The programs without the service that the full package would set up; mariadb-install-db needs the client's.
PACKAGES = ("mariadb-server-core", "mariadb-client-core")


class MariadbServer(LocalServer):
    flavour = "mariadb"
    users = ("mysql",)
    stop_signal = signal.SIGTERM
    fast_settings = MappingProxyType(
        {
            "innodb-flush-log-at-trx-commit": "2",
            "innodb-doublewrite": "0",
            "innodb-flush-method": "nosync",
        }
    )
    common_settings = MappingProxyType(
        {
            "bind-address": LOOPBACK,
            "max-connections": "200",
            "local-infile": "1",
            "innodb-buffer-pool-size": "256M",
            "innodb-log-file-size": "256M",
            "max-allowed-packet": "64M",
            "character-set-server": "utf8mb4",
            "default-time-zone": "+00:00",
            "skip-name-resolve": "1",
        }
    )

    @staticmethod
    def find_programs() -> tuple[Path, Path] | None:
        """The server and the program that makes its data folder."""
        server, install = find_program("mariadbd"), find_program("mariadb-install-db")
        return (server, install) if server and install else None

    @classmethod
    def programs(cls) -> tuple[Path, Path]:
        """As `find_programs`, but installed from the system's packages when missing and permitted."""
        found = cls.find_programs()
        if found is None:
            install_packages("MariaDB", PACKAGES)
            found = cls.find_programs()
        if found is None:
            raise ServerMissing("MariaDB was installed but its programs are not to be found")
        return found

    def _initialise(self, access: ServerAccess) -> None:
        own_folder(self.folder / "tmp", self.user)
        _, install = self.programs()
        options = ["--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.folder / 'tmp'}"]
        options += ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        self._run_tool([str(install), *options])
        write_first_statements(self.folder / "init.sql", access, self.user)

    def _command(self, access: ServerAccess) -> list[str]:
        server, _ = self.programs()
        return [
            str(server),
            "--no-defaults",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder / 'tmp'}",
            f"--socket={self.folder / 'server.sock'}",
            f"--pid-file={self.folder / 'own.pid'}",
            f"--port={access.port}",
            f"--init-file={self.folder / 'init.sql'}",
            *(f"--{name}={value}" for name, value in self.settings.items()),
        ]

    def _prepare(self, access: ServerAccess) -> None:
        with access.admin().cursor() as cursor:
            cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (access.username, access.password))


def own_folder(folder: Path, user: str | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    own(folder, user)


def write_first_statements(path: Path, access: ServerAccess, user: str | None) -> None:
    """What the server executes at each start: the administrator's login, and no root without a password."""
    path.touch(0o600)
    path.write_text(
        f"CREATE USER IF NOT EXISTS '{access.admin_username}'@'%' IDENTIFIED BY '{access.admin_password}';\n"
        f"GRANT ALL PRIVILEGES ON *.* TO '{access.admin_username}'@'%' WITH GRANT OPTION;\n"
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{access.admin_password}';\n"
    )
    own(path, user)
