import os
import signal
import subprocess
from pathlib import Path
from types import MappingProxyType

from local_servers.access import ServerAccess
from local_servers.errors import ServerMissing
from local_servers.machine import LOOPBACK, find_program, plain_environment
from local_servers.mariadb import own_folder, write_first_statements
from local_servers.mysql_packages import MysqlPrograms, unpacked_mysql
from local_servers.server import LocalServer


class MysqlServer(LocalServer):
    """MySQL 9: the mysqld on PATH when it is one, else Debian's, unpacked."""

    flavour = "mysql"
    users = ()
    stop_signal = signal.SIGTERM
    fast_settings = MappingProxyType(
        {
            "innodb-flush-log-at-trx-commit": "2",
            "innodb-doublewrite": "OFF",
            "innodb-flush-method": "nosync",
            "disable-log-bin": "1",
        }
    )
    common_settings = MappingProxyType(
        {
            "bind-address": LOOPBACK,
            "max-connections": "200",
            "local-infile": "1",
            "mysqlx": "OFF",
            "innodb-buffer-pool-size": "256M",
            "innodb-redo-log-capacity": "256M",
            "max-allowed-packet": "64M",
            "default-time-zone": "+00:00",
            "skip-name-resolve": "1",
        }
    )

    # Unlike the others it agrees to run as root; its unpacked programs may lie where only we can read.
    runs_as_ourselves = True

    @staticmethod
    def programs() -> MysqlPrograms:
        """Raises: ServerMissing when it is neither here nor to be had."""
        found = find_program("mysqld")
        return MysqlPrograms((str(found),)) if found and is_mysql_9(found) else unpacked_mysql()

    def _initialise(self, access: ServerAccess) -> None:
        own_folder(self.folder / "tmp", self.user)
        self._run_tool([*self._mysqld(), "--initialize-insecure"])
        write_first_statements(self.folder / "init.sql", access, self.user)

    def _command(self, access: ServerAccess) -> list[str]:
        return [
            *self._mysqld(),
            f"--socket={self.folder / 'server.sock'}",
            f"--pid-file={self.folder / 'own.pid'}",
            f"--port={access.port}",
            f"--init-file={self.folder / 'init.sql'}",
            *(f"--{name}={value}" for name, value in self.settings.items()),
        ]

    def _mysqld(self) -> list[str]:
        programs = self.programs()
        options = [f"--datadir={self.data}", f"--tmpdir={self.folder / 'tmp'}", "--secure-file-priv=NULL"]
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        return [*programs.mysqld, "--no-defaults", *programs.places, *options, *as_root]

    def _environment(self) -> dict[str, str]:
        modules = self.programs().openssl_modules
        return plain_environment(**({"OPENSSL_MODULES": modules} if modules else {}))

    def _prepare(self, access: ServerAccess) -> None:
        with access.admin().cursor() as cursor:
            cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (access.username, access.password))


def is_mysql_9(program: Path) -> bool:
    """MariaDB's server is also called mysqld; old MySQL servers don't count."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerMissing(f"{program} does not run") from error
    return " 9." in done.stdout and "MariaDB" not in done.stdout
