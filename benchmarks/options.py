"""What a person may choose, from the environment."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

DEFAULT_ROWS = 1_800_000
DEFAULT_ROUNDS = 3


class BenchmarkError(Exception):
    """A benchmark cannot be run, or a measured run did not do its job; one line that says what."""


@dataclasses.dataclass(frozen=True)
class Options:
    """`pairs` and `cases` leave out what is not named in them; empty means everything."""

    rows: int
    rounds: int
    pairs: tuple[str, ...]
    cases: tuple[str, ...]
    write: bool
    note: str
    work: Path

    @property
    def complete(self) -> bool:
        """Whether the results may be published: run with the defaults, or asked for by name."""
        defaults = self.rows == DEFAULT_ROWS and self.rounds >= DEFAULT_ROUNDS
        return self.write or (defaults and not self.pairs and not self.cases)


def read_options(environment: Mapping[str, str]) -> Options:
    """ROWS, ROUNDS, PAIRS, CASES, WRITE, NOTE (told in the results), DATA_DIR. Raises BenchmarkError."""
    return Options(
        rows=_positive(environment, "ROWS", DEFAULT_ROWS),
        rounds=_positive(environment, "ROUNDS", DEFAULT_ROUNDS),
        pairs=_words(environment, "PAIRS"),
        cases=_words(environment, "CASES"),
        write=environment.get("WRITE", "") == "1",
        note=environment.get("NOTE", ""),
        work=Path(environment.get("DATA_DIR") or ".data").absolute() / "benchmarks",
    )


def _positive(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    try:
        number = int(text.replace("_", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise BenchmarkError(f"{name} must be a whole number from 1, such as {default}")
    return number


def _words(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in environment.get(name, "").split(",") if word.strip())
