"""MariaDB, where it differs from MySQL."""

from shared.dialects.mysql import MysqlDialect


class MariadbDialect(MysqlDialect):
    """Has its own byte-exact collation. Its JSON is a LONGTEXT with a check, which keeps every digit."""

    name = "mariadb"
    exact_collation = "utf8mb4_nopad_bin"
