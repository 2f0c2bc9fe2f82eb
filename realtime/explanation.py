"""What `mellm explain` prints: one pair as JSON, or as a table and words."""

import dataclasses
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engines.mellm import Answer
from realtime.pair import PairFlow
from realtime.recap import counted

_LEAST_PX = 0.01
"""Of a region's mean movement; between two equal pictures it is less."""

_MOST = 10


def explanation(answer: Answer, found: PairFlow, onset: Path, apex: Path) -> dict[str, object]:
    """An explained pair as JSON: onset, apex, iod_px, regions, action_units, label, confidence, narration.

    What they mean stands in realtime/README.md.
    """
    regions = [
        {
            key: round(value, 6) if isinstance(value, float) else value
            for key, value in dataclasses.asdict(region).items()
        }
        for region in found.regions
    ]
    return {
        "onset": str(onset), "apex": str(apex), "iod_px": round(found.iod_px, 2), "regions": regions,
        "action_units": list(answer.action_units), "label": answer.label, "confidence": answer.confidence,
        "narration": answer.narration,
    }  # fmt: skip


def print_json(value: dict[str, object]) -> None:
    """Print one JSON object on one line, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_explanation(console: Console, answer: Answer, found: PairFlow, onset: Path, apex: Path) -> None:
    """Print an explained pair for people: the ten regions that moved most, how many more moved, and the words."""
    moved = [(region.mean_iod * found.iod_px, region) for region in found.regions]
    visibly = sorted(((px, r) for px, r in moved if px >= _LEAST_PX), key=lambda row: -row[0])
    most, rest = visibly[:_MOST], len(visibly) - _MOST
    table = Table(title=Text(f"{onset} → {apex}"), title_justify="left")
    for name in ("region", "direction", "degrees", "mean px", "% of eye distance"):
        table.add_column(name, justify="left" if name in ("region", "direction") else "right")
    for px, region in most:
        table.add_row(
            region.name, region.direction, f"{region.degrees:.0f}", f"{px:.2f}", f"{100 * region.mean_iod:.2f}"
        )
    console.print(table if most else Text(f"{onset} → {apex}: no region moved by {_LEAST_PX:g} px", style="italic"))
    if rest > 0:
        console.print(f"and {counted(rest, 'more region')}, by less", style="italic")
    console.print(
        f"{' '.join(answer.action_units) or 'no action unit'}: {answer.label} ({answer.confidence:.0%})", style="bold"
    )
    console.print(answer.narration)
