"""placeholder"""

from local_servers.mariadb import MariadbServer


class MysqlServer(MariadbServer): ...
