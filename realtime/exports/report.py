"""A session on one page of HTML that needs nothing else: timeline, curves, flow pictures, words, statistics.

No script, no font, no picture from elsewhere; light and dark as the reader's system has it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import numpy as np
import pyarrow as pa

from realtime.exports.account import Account, Told
from realtime.exports.card import event_card, unit_name
from realtime.exports.chart import Axis, Curve, labels, line, span, svg
from realtime.messages import KIND_NAMES, Annotation, Gap
from realtime.nodes import PROCESSES
from realtime.recap import counted, noun_of

_LANE, _THIN, _CURVE = 26, 12, 92
_MOST_TICKS = 8
_LEGEND = (
    ("micro", "micro-expression, half a second or less"), ("macro", "macro-expression"), ("speech", "speech"),
    ("gap", "frames skipped"), ("note", "note"),
)  # fmt: skip


_MOST_UNITS = 10
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_FOOTER = (
    "</main><footer><p>What a face shows is not what a person feels. A class such as “negative” says what annotators "
    "have called movements like these, no more; that emotions can be read off faces is contested among scientists "
    "(Barrett et al., <i>Psychological Science in the Public Interest</i>, 2019). Events during strong head turns "
    "deserve doubt.</p></footer>"
)


def report(account: Account) -> str:
    """The page of a session."""
    info = account.info
    title = escape(info.title)
    style = (files("realtime.exports") / "report.css").read_text(encoding="utf-8")
    of = account.motions["face_id"].to_numpy()
    faces = sorted({*of.tolist(), *(event.face_id for event in account.events)})
    by_face = {face: account.motions.filter(pa.array(of == face)) for face in faces}
    parts = [
        _header(account, title), _tiles(account), _summary(account), _timeline(account, by_face), _seen(account),
        _events(account, by_face), _notes(account), _session(account), _FOOTER,
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>Session {title}, {info.started:%Y-%m-%d %H:%M}</title><style>{style}</style></head><body>"
        f"{''.join(parts)}</body></html>\n"
    )


def _header(account: Account, title: str) -> str:
    info = account.info
    cut = (
        "" if info.complete
        else '<p class="warning">This recording was not finished: it was cut off, or is still running. '
        "All up to its last second is here.</p>"
    )  # fmt: skip
    if account.damage:
        cut += f'<p class="warning">This recording is damaged: {escape(account.damage)}.</p>'
    return (
        f'<header><p class="eyebrow">Session report</p><h1>{title}</h1><p class="lede">{_day(account)} · '
        f"{_length(info.duration_s)}</p>{cut}</header><main>"
    )


def _day(account: Account) -> str:
    started = account.info.started
    return f"{started.day} {started:%B %Y, %H:%M:%S}"


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1 if seconds < 59.95 else 0), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest:.0f} s" if minutes else f"{rest:.1f} s"


def _tiles(account: Account) -> str:
    counts = account.info.counts
    share = counts.measured / counts.frames if counts.frames else 0.0
    minutes = max(account.info.duration_s / 60, 1e-9)
    missed = f" in {counted(counts.gaps, 'gap')}" if counts.gaps else ""
    tiles = (
        (
            "micro",
            str(counts.micro),
            f"{noun_of(counts.micro, 'micro-expression')}, {counts.micro / minutes:.1f} a minute",
        ),
        (
            "macro",
            str(counts.macro),
            f"{noun_of(counts.macro, 'macro-expression')}, {counts.macro / minutes:.1f} a minute",
        ),
        ("speech", str(counts.speech), "stretches of speech" if counts.speech != 1 else "stretch of speech"),
        ("", str(counts.faces), f"{noun_of(counts.faces, 'face')} followed"),
        ("", f"{100 * share:.1f} %", f"of {counted(counts.frames, 'frame')} measured"),
        ("", str(counts.drops), f"{noun_of(counts.drops, 'frame')} skipped{missed}"),
    )
    return '<div class="tiles">' + "".join(
        f'<div class="tile {kind}"><b>{value}</b><span>{words}</span></div>' for kind, value, words in tiles
    ) + "</div>"  # fmt: skip


def _summary(account: Account) -> str:
    return f'<h2>In words</h2><p class="card">{escape(account.summary)}</p>' if account.summary else ""


def _timeline(account: Account, by_face: dict[int, "pa.Table"]) -> str:
    """The whole session: a lane of events and a curve of movement for every face, then what was skipped and noted."""
    axis = Axis(0.0, max(account.info.duration_s, 0.1))
    lanes = []
    for face_id, motions in by_face.items():
        name = f"face {face_id}" if len(by_face) > 1 else "events"
        bars = [_bar(axis, told) for told in account.told if told.event.face_id == face_id]
        lanes.append(_lane(name, "bars", svg(bars, f"{name}: {counted(len(bars), 'event')}", _LANE)))
        lanes.append(_movement(motions, axis))
    if account.gaps:
        spans = [_gap_span(account, axis, k) for k in range(len(account.gaps))]
        lanes.append(_lane("skipped", "thin", svg(spans, counted(len(account.gaps), "gap"), _THIN)))
    if account.notes:
        bars = [span(axis, a, b, "note", escape(n.text), 1, _THIN - 2) for n, a, b in _noted(account)]
        lanes.append(_lane("notes", "thin", svg(bars, counted(len(bars), "note"), _THIN)))
    times = labels(axis, _MOST_TICKS, " s" if axis.end_s < 100 else "")
    shown = {e.kind for e in account.events} | ({"gap"} if account.gaps else set())
    shown |= {"note"} if account.notes else set()
    key = "".join(f'<span><i class="{kind}"></i>{words}</span>' for kind, words in _LEGEND if kind in shown)
    return (
        f'<h2>Timeline</h2><section class="card">{"".join(lanes)}'
        f'<div class="lane"><span class="name"></span>{times}</div><div class="key">{key}</div>'
        '<p class="hint">Movement is the second largest displacement of a region other than the eyelids since the '
        "face’s curves began, in % of the distance between the eyes.</p></section>"
    )


def _bar(axis: Axis, told: Told) -> str:
    """An event on the timeline; it leads to its card."""
    event, number = told.event, told.spot.spot_id
    units = " ".join(event.action_units)
    title = f"#{number} {KIND_NAMES[event.kind].capitalize()}, {event.onset_s:.2f}–{event.offset_s:.2f} s {units}"
    bar = span(axis, event.onset_s, event.offset_s, event.kind, escape(title), 3, _LANE - 6)
    return f'<a href="#e{number}" aria-label="{escape(title)}">{bar}</a>'


def _lane(name: str, kind: str, drawing: str) -> str:
    return f'<div class="lane"><span class="name">{name}</span><div class="{kind}">{drawing}</div></div>'


def _movement(motions: "pa.Table", axis: Axis) -> str:
    times, values = motions["time_s"].to_numpy(), 100 * motions["magnitude_iod"].to_numpy().astype(np.float64)
    most = float(values.max()) if values.size else 0.0
    name = f"Movement, up to {most:.1f} % of eye distance"
    drawing = svg([line(Curve(times, values, "plain"), axis, max(most * 1.08, 1.0), 0.0, _CURVE)], name, _CURVE)
    return _lane(f"movement<small>to {most:.1f} %</small>", "curve", drawing)


def _gap_span(account: Account, axis: Axis, index: int) -> str:
    gap = account.gaps[index]
    at_s = gap.t_media_ns / 1e9
    long_s = gap.frames / account.info.counts.fps if account.info.counts.fps > 0 else 0.0
    until_s = gap.until_ns / 1e9 if gap.until_ns >= 0 else at_s + long_s
    return span(axis, at_s, until_s, "gap", escape(f"{gap.cause}: {_lost(gap)}"), 1, _THIN - 2)


def _lost(gap: Gap) -> str:
    """How much was not seen: frames that there were, or the time in which there was none."""
    if gap.until_ns >= 0:
        return f"{(gap.until_ns - gap.t_media_ns) / 1e9:.2f} s"
    return counted(gap.frames, "frame")


def _noted(account: Account) -> list[tuple[Annotation, float, float]]:
    """Notes with where they begin and end, s."""
    return [(note, note.t_media_ns / 1e9, note.end_ns / 1e9) for note in account.notes]


def _seen(account: Account) -> str:
    """What was seen how often: action units, and what annotators call such movements."""
    shown = [event for event in account.events if event.kind != "speech"]
    if not shown:
        return ""
    units = Counter(code for event in shown for code in event.action_units)
    often = sorted(units.items(), key=lambda unit: (-unit[1], int("0" + re.sub(r"\D", "", unit[0])), unit[0]))
    named = [(f"{code} {unit_name(code)}", count) for code, count in often[:_MOST_UNITS]]
    named += [("no action unit", bare)] if (bare := sum(not event.action_units for event in shown)) else []
    classes = Counter("no class" if event.label == "none" else event.label for event in shown)
    lengths = []
    for kind in ("micro", "macro"):
        times = [event.offset_s - event.onset_s for event in shown if event.kind == kind]
        if times:
            sizes = [100 * event.magnitude_iod for event in shown if event.kind == kind]
            lengths.append(
                f"<dt>{kind.capitalize()}, median</dt><dd>{1000 * np.median(times):.0f} ms, "
                f"{np.median(sizes):.1f} % of eye distance</dd>"
            )
    return (
        '<h2>What was seen</h2><div class="columns">'
        f'<section class="card"><h3>Action units</h3>{_counts(named)}</section>'
        f'<section class="card"><h3>Called by annotators</h3>{_counts(classes.most_common())}'
        f'<dl style="margin-top:18px">{"".join(lengths)}</dl></section></div>'
    )


def _counts(rows: Sequence[tuple[str, int]]) -> str:
    most = max((count for _, count in rows), default=1)
    return "".join(
        f'<div class="count"><span>{escape(name)}</span><i style="width:{100 * count / most:.0f}%"></i>'
        f"<span>{count}</span></div>"
        for name, count in rows
    )


def _events(account: Account, by_face: dict[int, "pa.Table"]) -> str:
    if not account.told:
        return '<h2>Events</h2><p class="card">No expression was spotted in this session.</p>'
    cards = "".join(event_card(account, told, by_face[told.event.face_id]) for told in account.told)
    return (
        f"<h2>Events</h2>{cards}"
        '<p class="hint">Pictures show the flow from onset to apex: colour is direction in the picture (red right, '
        "green-yellow up, cyan left, violet down), strength is how far. They hold no pixel of the face. Region names "
        "are the viewer’s, sides of action units the subject’s. Events keep the numbers that they had live, "
        "where movements that were taken back are numbered too.</p>"
    )


def _notes(account: Account) -> str:
    if not account.notes:
        return ""
    rows = "".join(
        f'<tr><td class="t">{a:.1f}{f"–{b:.1f}" if b > a else ""} s</td><td>{escape(note.text)}</td></tr>'
        for note, a, b in _noted(account)
    )
    return f'<h2>Notes</h2><div class="card scroll"><table><tbody>{rows}</tbody></table></div>'


def _session(account: Account) -> str:
    """How it was measured, and how well that went."""
    info, counts = account.info, account.info.counts
    iods = account.motions["iod_px"].to_numpy()
    facts = [
        ("Source", escape(info.source)), ("Recorded", f"{info.started.isoformat(sep=' ', timespec='seconds')}"),
        ("Length", _length(info.duration_s)), ("Frame rate", f"{counts.fps:.1f} fps"),
        ("Face size", f"{np.median(iods):.0f} px between the eyes (median)" if iods.size else "no face measured"),
        ("Flow engine", escape(counts.engine) or "unknown"),
        ("Narrator", escape(" and ".join(account.narrators)) or "none was asked"),
        ("Calibration", "of this person" if account.recording.calibration else "none, noise learned on the way"),
        ("Settings", _settings(account)),
        ("Video", "recorded beside the measurements" if info.has_video else "not recorded"),
        ("Program", f"mellm-live {escape(info.program)}"),
        *([("Remarks", "<br>".join(map(escape, account.remarks)))] if account.remarks else []),
    ]  # fmt: skip
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    rows = "".join(
        f'<tr><td>{spec.name}</td><td class="n">{s.handled}</td><td class="n">{s.drops}</td>'
        f'<td class="n">{s.restarts}</td><td class="n">{s.p50_ms:.0f}</td><td class="n">{s.p95_ms:.0f}</td></tr>'
        for spec in PROCESSES if (s := account.statuses.get(spec.name)) is not None
    )  # fmt: skip
    health = (
        '<div class="scroll"><table><thead><tr><th>stage</th><th class="n">handled</th><th class="n">skipped</th>'
        '<th class="n">restarts</th><th class="n">p50 ms</th><th class="n">p95 ms</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        '<p class="hint">Latency counts from a frame’s capture to the end of the stage’s work on it.</p>'
    )
    return (
        '<h2>How it was measured</h2><div class="columns"><section class="card">'
        f'<dl>{listed}</dl></section><section class="card">{health}{_gaps(account)}</section></div>'
    )


def _settings(account: Account) -> str:
    if account.settings is None:
        return "those of another version of the program"
    return "<br>".join(map(escape, account.settings)) or "all at their defaults"


def _gaps(account: Account) -> str:
    if not account.gaps:
        return "<p>No frame was skipped.</p>"
    rows = "".join(
        f'<tr><td class="t">{gap.t_media_ns / 1e9:.1f} s</td>'
        f'<td class="t">{_lost(gap)}</td><td>{escape(gap.cause)}</td></tr>'
        for gap in account.gaps
    )
    said = f"{counted(len(account.gaps), 'gap')}, {counted(account.info.counts.drops, 'frame')}"
    return f'<details><summary>{said}</summary><div class="scroll"><table><tbody>{rows}</tbody></table></div></details>'
