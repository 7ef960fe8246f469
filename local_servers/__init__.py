"""Real database servers in temporary folders on free loopback ports, for tests, benchmarks and the demo.

A server belongs to the process that started it and ends with it, however that process ends: each one runs
under a guard (`guard.py`) that stops it when the owner's pipe closes.
"""

from local_servers.access import Database, ServerAccess
from local_servers.errors import LocalServerError, ServerFailed, ServerMissing
from local_servers.mariadb import MariadbServer
from local_servers.mongodb import MongodbServer, temporary_mongodb
from local_servers.mysql import MysqlServer
from local_servers.postgresql import PostgresqlServer
from local_servers.server import Durability, LocalServer, temporary_server

__all__ = [
    "Database",
    "Durability",
    "LocalServer",
    "LocalServerError",
    "MariadbServer",
    "MongodbServer",
    "MysqlServer",
    "PostgresqlServer",
    "ServerAccess",
    "ServerFailed",
    "ServerMissing",
    "temporary_mongodb",
    "temporary_server",
]
