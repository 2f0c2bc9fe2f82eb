"""What the words on a page mean."""

from typing import Literal

from bench.pace.drift import SETTLING
from bench.pace.reel import LENGTH_S, MOST_FPS
from bench.pace.results import FEW
from bench.pace.trial import WARM_S

_PIPELINE = (
    "<b>The run</b>: a live session as <code>mellm live</code> starts it, on frames of the phantom that were rendered "
    f"before: {LENGTH_S:g} s, played back and forth at the asked rate from a file in memory, several phantoms side by "
    f"side. Above {MOST_FPS:g} frames a second, and where so many do not fit, some frames come twice, which costs the "
    f"pipeline the same. The first {WARM_S:g} s are not counted.",
    "<b>fps</b>: frames a second of which a face's motion was measured; <b>faces a frame</b> shows whether all of them "
    "were. <b>Skipped</b>: frames that were announced as "
    "not looked at, because newer ones waited. <b>No face</b>: looked at, and no face found. <b>Late</b>: how long "
    "after it was due a frame was captured; nothing is skipped at that point, so a source that cannot keep up shows "
    "here.",
    "<b>→ Motion</b> and the like: from the frame's capture to the arrival of the message at a listener. A Spot counts "
    "from the frame that made its apex or its end certain, a Say is the first piece of its text. <b>Apex → first "
    "word</b>: from the moment in the stream that the spotter names as the apex. <b>Its own part</b>: from the arrival "
    "of what a process works on to the arrival of what it made of it, waiting included. <b>Largest of</b>: of fewer "
    f"than {FEW} times the 95th percentile is the largest, which stands there instead, and in the budgets.",
    "<b>CPU %</b>: of one core, mean over the run; <b>others' CPU %</b>: what all other programs on the machine took "
    "meanwhile; much of it, and the numbers say little. <b>MB</b>: 10⁶ bytes, the most that was seen, a process's own "
    "memory and its share of what several map (PSS). <b>Supervisor</b>: the benchmark's own process, which supervises "
    "the session and hears every message.",
)

_MEANINGS = {
    "engines": (
        "<b>A call</b>: for each pair of the batch one encoding and one flow, as a live frame needs them; the anchor's "
        "encoding is kept. In each setting the engines take turns. <b>Side by side</b>: so many engines at once, each "
        "in a thread of its own, as faces or sessions would have them; <b>pairs/s</b> is of all together. "
        "<b>Followed</b>: the flow goes on from a guess, as in a live session where the last frames give one.",
        "<b>From the reference</b>: mean distance from what torch answered in float32 to the pair that comes with the "
        "weights, the larger of facial and head flow, px of the 256 px crop. DIS is another method: its distance is no "
        "error of rounding.",
    ),
    "pipeline": (
        *_PIPELINE,
        "<b>Sustained</b>: every face of every frame was measured, frames were captured at 99 % of the asked rate or "
        "more, and no process was restarted; with <code>--tolerate</code>, all but that share. <b>Highest frame "
        "rate</b>: found by doubling, then by halving the gap to 4 %; a rate must fail twice.",
        "<b>Alone</b>: in a process of its own, nothing else of ours running.",
    ),
    "soak": (
        *_PIPELINE,
        f"<b>Drift</b>: after the first {SETTLING:.0%} of the windows; the slope is the median of the slopes between "
        "all pairs of windows (Theil–Sen). <b>Own memory</b>: what no file backs and no other process shares, which is "
        "what grows where something leaks. What a session remembers of the events it has told, for its summary, grows "
        "as it would with a person: some bytes an event.",
    ),
}  # fmt: skip


def meaning(kind: Literal["engines", "pipeline", "soak"]) -> tuple[str, ...]:
    """Paragraphs of HTML."""
    return _MEANINGS[kind]
