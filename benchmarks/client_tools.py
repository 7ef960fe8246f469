"""The databases' own command-line clients, alone or in a pipeline."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from benchmarks.options import BenchmarkError
from local_servers import Database, PostgresqlServer
from local_servers.machine import find_program

Command = list[str]


def psql_command(database: Database, *statements: str) -> Command:
    """psql with each statement on its own, so that COPY finds its end of the pipe."""
    # The server's own folder: Debian's /usr/bin/psql is a wrapper that takes longer to start than psql.
    command = [str(PostgresqlServer.programs() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    command += ["-h", database.host, "-p", str(database.port), "-U", database.username]
    command += ["-d", database.database]
    for statement in statements:
        command += ["-c", statement]
    return command


def mariadb_command(database: Database, statement: str, *options: str) -> Command:
    program = find_program("mariadb")
    if program is None:
        raise BenchmarkError("the mariadb client is missing (Debian: apt-get install mariadb-client)")
    command = [str(program), "--no-defaults", "--protocol=tcp", "--default-character-set=utf8mb4"]
    command += ["--local-infile=1", f"--host={database.host}", f"--port={database.port}"]
    command += [f"--user={database.username}", *options, "-e", statement, database.database]
    return command


def run_stages(commands: Sequence[Command], *databases: Database, stdin: IO[Any] | None = None) -> float:
    """Run commands as one pipeline; the seconds it took. Raises BenchmarkError with the first complaint."""
    environment = environment_of(*databases)
    stages: list[subprocess.Popen[bytes]] = []
    feed: IO[Any] | int = stdin if stdin is not None else subprocess.DEVNULL
    with tempfile.TemporaryFile() as complaints:
        started = time.perf_counter()
        for number, command in enumerate(commands, 1):
            out = subprocess.PIPE if number < len(commands) else subprocess.DEVNULL
            stage = subprocess.Popen(command, stdin=feed, stdout=out, stderr=complaints, env=environment)
            if stages and stages[-1].stdout is not None:
                stages[-1].stdout.close()  # the only reader is the next stage: its death must be noticed
            feed = stage.stdout if stage.stdout is not None else subprocess.DEVNULL
            stages.append(stage)
        codes = [stage.wait() for stage in stages]
        seconds = time.perf_counter() - started
        check(codes, complaints)
    return seconds


def run_into_fifo(writer: Command, reader: Command, fifo: Path, *databases: Database) -> float:
    """Run a reader of a FIFO and a writer to it; the seconds until both have ended."""
    environment = environment_of(*databases)
    with tempfile.TemporaryFile() as complaints:
        started = time.perf_counter()
        reading = subprocess.Popen(
            reader, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints, env=environment
        )
        # The shell opens the FIFO, so that the writer waits for its reader and not we.
        shell = ["/bin/sh", "-c", 'exec "$@" > "$0"', str(fifo), *writer]
        writing = subprocess.Popen(shell, stdin=subprocess.DEVNULL, stderr=complaints, env=environment)
        codes = [reading.wait()]
        if codes[0] != 0:
            writing.kill()
        codes.append(writing.wait())
        seconds = time.perf_counter() - started
        check(codes, complaints)
    return seconds


@contextlib.contextmanager
def temporary_fifo() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        fifo = Path(folder) / "rows"
        os.mkfifo(fifo, 0o600)
        yield fifo


def environment_of(*databases: Database) -> dict[str, str]:
    """Passwords travel in the environment, not in the list of processes."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    for database in databases:
        name = "PGPASSWORD" if database.flavour == "postgresql" else "MYSQL_PWD"
        environment[name] = database.password
    return environment


def check(codes: Sequence[int], complaints: IO[bytes]) -> None:
    if any(codes):
        complaints.seek(0)
        lines = complaints.read().decode(errors="replace").strip().splitlines()
        raise BenchmarkError(f"a client ended with {codes}: {' '.join(lines[:3])}")
