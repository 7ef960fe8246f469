"""Databases that one scenario after the other uses: making and dropping one costs more than a scenario's rows."""

from local_servers import Database, ServerAccess


class SpareDatabases:
    """Empty databases of the servers that the whole session uses."""

    def __init__(self) -> None:
        self._spare: dict[ServerAccess, list[Database]] = {}

    def take(self, server: ServerAccess) -> Database:
        """An empty database of a server."""
        spare = self._spare.setdefault(server, [])
        return spare.pop() if spare else server.create_database()

    def give_back(self, server: ServerAccess, database: Database, *, in_use: bool) -> None:
        """Empty it for the next scenario; drop it when a session, and so perhaps a lock, is left in it."""
        if in_use or server not in self._spare:
            server.drop_database(database)
            return
        empty(database)
        self._spare[server].append(database)

    def forget(self, server: ServerAccess) -> None:
        """The server is about to go, with all its databases."""
        self._spare.pop(server, None)

    def drop_all(self) -> None:
        for server, databases in self._spare.items():
            for database in databases:
                server.drop_database(database)
        self._spare.clear()


SPARE = SpareDatabases()


def empty(database: Database) -> None:
    if database.flavour == "postgresql":
        database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return
    with database.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
        names = [row[0] for row in cursor.fetchall()]
        if names:
            cursor.execute("DROP TABLE " + ", ".join(f"`{name}`" for name in names))
