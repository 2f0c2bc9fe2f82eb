"""The floors import downwards only: calib ← engines ← realtime ← bench."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FLOORS = ("calib", "engines", "realtime", "bench")
ROOT = Path(__file__).parents[1]


def imported(path: Path) -> Iterator[str]:
    """Top-level names of all that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_nothing_from_above(floor: str) -> None:
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    files = sorted((ROOT / floor).rglob("*.py"))
    assert len(files) > 5
    assert {
        str(path.relative_to(ROOT)): above & set(imported(path)) for path in files if above & set(imported(path))
    } == {}
