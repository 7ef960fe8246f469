"""MariaDB, where it differs from MySQL."""

from dataclasses import replace

from shared.dialects.mysql import MysqlDialect

_MYSQL = MysqlDialect.capabilities


class MariadbDialect(MysqlDialect):
    """Has its own byte-exact collation and no -0.0. Its JSON is a LONGTEXT with a check, which keeps every digit."""

    name = "mariadb"
    exact_collation = "utf8mb4_nopad_bin"
    capabilities = replace(
        _MYSQL, limits=replace(_MYSQL.limits, json_numbers_are_doubles=False, negative_zero=False)
    )
