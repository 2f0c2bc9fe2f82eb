"""What the phantom really did, beside what was spotted."""

from collections.abc import Iterable, Mapping
from itertools import takewhile

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calib.phantom import PhantomEvent
from calib.phantom.scoring import match
from realtime.messages import Say, Spot


def print_truth(
    console: Console, events: Iterable[PhantomEvent], spots: Mapping[int, Spot], words: Mapping[int, Say], end_s: float
) -> None:
    """Print a table of both, and how many agree.

    Args:
        console: where to.
        events: what the phantom does, in order, even without end.
        spots: what was spotted, by number.
        words: what was said of it, by the same numbers.
        end_s: when the session ended; only what was over by then counts.
    """
    true = [e for e in takewhile(lambda e: e.onset_s < end_s, events) if e.offset_s < end_s]
    closed = sorted((s for s in spots.values() if s.phase == "closed"), key=lambda s: s.onset_ns)
    pairs = dict(
        match([(e.onset_s, e.offset_s) for e in true], [(s.onset_ns / 1e9, s.offset_ns / 1e9) for s in closed])
    )
    table = Table(
        title="The phantom's truth, and what was spotted (s)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in ("true", "onset–apex–offset", "units", "", "spotted at", "units"):
        table.add_column(name)
    found = 0
    for index, event in enumerate(true):
        row: list[str | Text] = [event.kind, f"{event.onset_s:.2f}–{event.apex_s:.2f}–{event.offset_s:.2f}"]
        row.append(" ".join(code for code, _ in event.units))
        if index in pairs:
            spot = closed[pairs[index]]
            right = spot.kind == event.kind
            found += right
            row += [Text("✓", "green") if right else Text(str(spot.kind), "yellow"), *_spotted(spot, words)]
        else:
            row += [Text("missed", "red"), "", ""]
        table.add_row(*row)
    for index, spot in enumerate(closed):
        if index not in pairs.values():
            table.add_row("", "", "", Text(f"extra {spot.kind}", "red"), *_spotted(spot, words))
    console.print(table)
    extra = len(closed) - len(pairs)
    console.print(f"Found {found} of {len(true)} with the right kind (overlap of half or more); {extra} extra")


def _spotted(spot: Spot, words: Mapping[int, Say]) -> tuple[str, str]:
    say = words.get(spot.spot_id)
    times = "–".join(f"{t / 1e9:.2f}" for t in (spot.onset_ns, spot.apex_ns, spot.offset_ns))
    return times, " ".join(say.action_units) if say else ""
