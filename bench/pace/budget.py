"""What may be used, from `bench/budgets.toml`, and what was used beyond it."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.complaint import BenchError
from bench.pace.results import HOPS, MAKERS, SUPERVISOR, Outcome, Spread

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BUDGETS = Path(__file__).parents[1] / "budgets.toml"
"""Those that come with the project."""

FIRST_WORD = "first word"
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "latency_ms": (*HOPS, FIRST_WORD),
    "process": (*dict.fromkeys(MAKERS.values()), SUPERVISOR),
    "all": ("mb", "cpu", "skipped"),
}
_OF_PROCESS = ("ms", "mb", "cpu")


@dataclass(frozen=True)
class Over:
    """A budget and what was measured.

    Attributes:
        name: of what.
        unit: of both.
        allowed, used: how much.
    """

    name: str
    unit: str
    allowed: float
    used: float

    @property
    def over(self) -> bool:
        """Whether too much was used."""
        return self.used > self.allowed


@dataclass(frozen=True)
class Budgets:
    """What is allowed, and in which case.

    Attributes:
        fps, width, height, faces: the case.
        tables: the file's other tables.
    """

    fps: float
    width: int
    height: int
    faces: int
    tables: Mapping[str, Mapping[str, Any]]

    def fit(self, outcome: Outcome) -> bool:
        """Whether an outcome is of the case that is budgeted."""
        case = outcome.case
        asked = (case.fps, case.width, case.height, case.faces, case.pages)
        return asked == (self.fps, self.width, self.height, self.faces, 0)

    def check(self, outcome: Outcome) -> tuple[Over, ...]:
        """Every budget beside what an outcome used; what was not measured is left out."""
        return tuple(self._check(outcome))

    def _check(self, outcome: Outcome) -> Iterator[Over]:
        spreads = {**outcome.latency, **({FIRST_WORD: outcome.first_word} if outcome.first_word.n else {})}
        for name, allowed in self.tables.get("latency_ms", {}).items():
            if name in spreads:
                what = "apex → first word" if name == FIRST_WORD else f"capture → {name}"
                yield _slow(what, allowed, spreads[name])
        for name, table in self.tables.get("process", {}).items():
            if "ms" in table and name in outcome.own:
                yield _slow(f"{name}: its own part", table["ms"], outcome.own[name])
            if name in outcome.usage:
                usage = outcome.usage[name]
                for key, unit, used in (("mb", "MB", usage.memory_mb), ("cpu", "% CPU", usage.cpu_percent)):
                    if key in table:
                        yield Over(f"{name}: {'memory' if key == 'mb' else 'CPU'}", unit, table[key], used)
        whole = self.tables.get("all", {})
        for key, name, unit, used in (
            ("mb", "all: memory", "MB", outcome.memory_mb), ("cpu", "all: CPU", "% CPU", outcome.cpu_percent),
            ("skipped", "frames skipped", "frames", float(outcome.counts.skipped)),
        ):  # fmt: skip
            if key in whole and (outcome.usage or key == "skipped"):
                yield Over(name, unit, whole[key], round(used, 1))


def _slow(what: str, allowed: float, spread: Spread) -> Over:
    """A budget beside the 95th percentile of some times; of too few of them, beside the largest."""
    if spread.few:
        return Over(f"{what}, largest of {spread.n} (too few for a p95)", "ms", allowed, spread.most)
    return Over(f"{what}, p95", "ms", allowed, spread.p95)


def read_budgets(path: Path = BUDGETS) -> Budgets:
    """Read a file of budgets.

    Raises:
        BenchError: it cannot be read, or names something that is not measured.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BenchError(f"{path} is not TOML: {error}") from None
    case = tables.pop("case", None)
    try:
        width, height = (int(side) for side in str(case["size"]).split("x"))
        found = Budgets(float(case["fps"]), width, height, int(case["faces"]), tables)
    except (TypeError, KeyError, ValueError):
        raise BenchError(f'{path}: [case] must say fps = 60, size = "640x480", faces = 1, or the like') from None
    for table, values in tables.items():
        for key, value in _leaves(path, table, values):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise BenchError(f"{path}: {key} must be a number, 0 or more, not {value!r}")
    return found


def _leaves(path: Path, table: str, values: object) -> Iterator[tuple[str, object]]:
    """Every number of a table by its full name.

    Raises:
        BenchError: a name that means nothing.
    """
    if table not in _ALLOWED or not isinstance(values, dict):
        raise BenchError(f"{path}: [{table}]: no such table; there are: case, {', '.join(_ALLOWED)}")
    for key, value in values.items():
        if key not in _ALLOWED[table]:
            raise BenchError(f"{path}: {table}.{key}: not measured; known here: {', '.join(_ALLOWED[table])}")
        if table != "process":
            yield f"{table}.{key}", value
            continue
        for name, number in value.items() if isinstance(value, dict) else [("", value)]:
            if name not in _OF_PROCESS:
                raise BenchError(f"{path}: process.{key}.{name}: known here: {', '.join(_OF_PROCESS)}")
            yield f"process.{key}.{name}", number
