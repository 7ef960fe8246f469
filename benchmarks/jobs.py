"""Cases bound to databases and to a tool: what one round of the data benchmark does."""

import dataclasses
from typing import Protocol

from benchmarks.cases import Case
from benchmarks.engine import Engine, NewMapping
from benchmarks.limits import LIMITS, Limit, Transfer
from benchmarks.lineitem import COLUMNS, TABLE
from benchmarks.measure import Line
from benchmarks.options import BenchmarkError
from benchmarks.servers import Databases
from benchmarks.tables import Column, Contents, contents_of, create_table_sql
from local_servers import Database

OURS = "etl-engine"


class Job(Protocol):
    """`prepare` and `check` are outside of the measured time; `run` returns its seconds."""

    line: Line

    def prepare(self, round_number: int) -> None: ...

    def run(self, round_number: int) -> float: ...

    def check(self, round_number: int) -> None:
        """Compare the target with the source. Raises BenchmarkError."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """A source and a target, with the source in PostgreSQL that expected contents are computed in."""

    databases: Databases
    source: Database
    target: Database
    expected: dict[str, Contents] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.source.flavour}→{self.target.flavour}"

    @property
    def limits(self) -> dict[str, Limit]:
        return dict(LIMITS[self.source.flavour, self.target.flavour])

    def compare(self, table: str, columns: tuple[Column, ...], expected: str) -> None:
        if expected not in self.expected:
            source = self.databases.sources["postgresql"]
            self.expected[expected] = contents_of(source, f"({expected}) AS expected", columns)
        found = contents_of(self.target, table, columns)
        if found != self.expected[expected]:
            raise BenchmarkError(
                f"{self.name}: {table} holds {found}, the source says {self.expected[expected]}"
            )

    def fill(self, table: str, keys: tuple[str, ...]) -> None:
        """Put all rows of lineitem into a new table with a primary key."""
        source = self.databases.sources["postgresql"]
        self.target.execute(*create_table_sql(table, COLUMNS, keys, self.target.flavour))
        limit = next(iter(LIMITS[source.flavour, self.target.flavour].values()))
        limit(Transfer(source, f"SELECT * FROM {TABLE}", self.target, table, COLUMNS))


@dataclasses.dataclass
class LimitJob:
    """The databases' own tools."""

    pair: Pair
    case: Case
    tool: str
    limit: Limit
    against: str
    line: Line = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.line = Line(self.pair.name, self.case.name, self.tool, (self.case.name, self.against))

    @property
    def table(self) -> str:
        return "limit_merged" if self.case.keys else "limit_copied"

    def prepare(self, round_number: int) -> None:
        if not self.case.keys:
            flavour = self.pair.target.flavour
            self.pair.target.execute(*create_table_sql(self.table, self.case.columns, (), flavour))
        elif round_number == 1:
            self.pair.fill(self.table, self.case.keys)

    def query(self) -> str:
        return self.case.by_hand[self.pair.source.flavour]

    def run(self, round_number: int) -> float:
        query = for_round(self.query(), round_number)
        transfer = Transfer(
            self.pair.source, query, self.pair.target, self.table, self.case.columns, self.case.keys
        )
        return self.limit(transfer)

    def check(self, round_number: int) -> None:
        expected = for_round(self.case.by_hand["postgresql"], round_number)
        if self.case.keys:
            expected = for_round(self.case.expected, round_number)
        self.pair.compare(self.table, self.case.columns, expected)


@dataclasses.dataclass
class PlannedLimitJob(LimitJob):
    """The databases' own tools with the SELECT of our plan: what is left of ours is what stands around it."""

    engine: Engine | None = None
    _select: str = ""

    @property
    def table(self) -> str:
        return "limit_planned"

    def prepare(self, round_number: int) -> None:
        if self.engine is not None and not self._select:
            mapping = new_mapping(self.pair, self.case, self.table)
            self._select = self.engine.planned_select(self.engine.create_mapping(mapping))
        super().prepare(round_number)

    def query(self) -> str:
        return self._select


@dataclasses.dataclass
class EngineJob:
    """Ours, through the API."""

    pair: Pair
    case: Case
    engine: Engine
    limit: tuple[str, str] | None
    line: Line = dataclasses.field(init=False)
    _mapping_id: str = ""
    _rejected: int = 0

    def __post_init__(self) -> None:
        self.line = Line(self.pair.name, self.case.name, OURS, self.limit)

    @property
    def table(self) -> str:
        words = "".join(letter if letter.isalnum() else " " for letter in self.case.name).split()
        return "_".join(["from", self.pair.source.flavour, *words])

    def prepare(self, round_number: int) -> None:
        case, target = self.case, self.pair.target
        if round_number == 1:
            if case.keys:
                self.pair.fill(self.table, case.keys)
            self._mapping_id = self._create()
        elif case.write_mode == "append":
            target.execute(f"TRUNCATE TABLE {self.table}")
        elif case.keys:
            query = for_round(case.queries[self.pair.source.flavour], round_number)
            self.engine.change_query(self._mapping_id, query)

    def run(self, round_number: int) -> float:
        outcome = self.engine.run(self._mapping_id)
        self._rejected = outcome.rows_rejected
        self.line.note = f"{outcome.gear}, round {round_number}: {outcome.rows_read} rows"
        if outcome.rows_rejected:
            self.line.note += f", {outcome.rows_rejected} rejected"
        return outcome.seconds

    def check(self, round_number: int) -> None:
        self.pair.compare(self.table, self.case.columns, for_round(self.case.expected, round_number))
        if bool(self._rejected) is not self.case.rejects:
            raise BenchmarkError(f"{self.pair.name} {self.case.name}: {self._rejected} rows were rejected")

    def _create(self) -> str:
        return self.engine.create_mapping(new_mapping(self.pair, self.case, self.table))


def new_mapping(pair: Pair, case: Case, table: str) -> NewMapping:
    return NewMapping(
        name=f"{pair.name} {case.name} {table}",
        source=pair.source,
        query=for_round(case.queries[pair.source.flavour], 1),
        target=pair.target,
        table=table,
        columns=case.columns,
        write_mode=case.write_mode,
        keys=case.keys,
        column_mappings=case.column_mappings,
        quarantine=case.quarantine,
    )


def for_round(query: str, round_number: int) -> str:
    return query.replace("{round}", str(round_number))
