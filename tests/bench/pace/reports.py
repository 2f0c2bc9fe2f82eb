"""Reports with made-up numbers."""

import dataclasses

from bench.pace.results import Case, Ceiling, Counts, Outcome, Pace, Report, Spread, Usage, Window

CASE = Case(60.0, 640, 480, 1, "auto")
PROCESSES = ("capture", "align", "perceive", "narrate", "supervisor")


def spread(ms: float) -> Spread:
    return Spread(1800, ms, 2 * ms, 3 * ms, 4 * ms)


def outcome(case: Case = CASE, by: float = 1.0, skipped: int = 0, windows: int = 8) -> Outcome:
    """A run whose times and needs are `by` times the usual."""
    frames = round(30 * case.fps)
    counts = Counts(frames, frames - skipped, skipped, (frames - skipped) * case.faces, 15, 15, 0, 30.0)
    hops = {"Frame": 1.0, "Face": 4.0, "Motion": 15.0, "Spot": 20.0, "Say": 22.0}
    latency = {hop: spread(ms * by) for hop, ms in hops.items()}
    return Outcome(
        case, "meflownet-bf16", counts, spread(0.1), latency,
        {"capture": spread(1.0), "align": spread(3 * by), "perceive": spread(11 * by), "narrate": spread(2.0)},
        spread(90.0), {name: Usage(8.0 * by, 100.0 * by) for name in PROCESSES}, 12.5, 0.2,
        tuple(
            Window(float(k), round(case.fps), 0, latency, dict.fromkeys(PROCESSES, 100.0 + k))
            for k in range(windows)
        ),
    )  # fmt: skip


FACTS = (
    ("command", "mellm bench pipeline --fps 60"), ("machine", "A processor <of> two cores"),
    ("load average", "0.1 when it began"), ("versions", "Python 3.11"), ("date", "2026-01-01 12:00 UTC"),
)  # fmt: skip


def pipeline(by: float = 1.0) -> Report:
    second = dataclasses.replace(CASE, engine="dis", faces=2)
    return Report(
        "pipeline", FACTS, (outcome(by=by), outcome(second, by, skipped=7)),
        (Ceiling(CASE.scene, 80.0, 84.0, ((60.0, True), (120.0, False), (120.0, False), (80.0, True))),),
        (Pace("MediaPipe alone", "mesh points, 640×480, 1 face", spread(4 * by), 250 / by),
         Pace("flow alone, meflownet-bf16", "encoding and flow, 640×480, 1 face", spread(10 * by), 100 / by)),
        {"py-feat": "not installed (pip install py-feat)"},
    )  # fmt: skip


def engines(by: float = 1.0) -> Report:
    paces = tuple(
        Pace(name, "encoding and flow", spread(ms * by * batch), 1000 / ms / by, precision, batch, 1, apart)
        for name, ms, precision, apart in (("meflownet", 15.0, "f32", 0.0), ("dis", 6.0, "–", -1.0))
        for batch in (1, 4)
    )
    return Report("engines", FACTS, paces=paces)


def soak() -> Report:
    return Report("soak", FACTS, (outcome(windows=20),))
