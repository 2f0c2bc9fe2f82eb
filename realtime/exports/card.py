"""One event as a card of the report: flow picture, words, and the curves of what moved most."""

import base64
from html import escape

import numpy as np
import pyarrow as pa

from calib.facs import parse_code
from realtime.exports.account import Account, Told
from realtime.exports.chart import Axis, Curve, labels, level, line, mark, span, svg
from realtime.exports.tables import region_columns
from realtime.messages import KIND_NAMES

_BEFORE_S, _AFTER_S = 0.6, 0.8
_LINES = ("one", "two", "three")  # as the style sheet calls them
_PLOT = 132


def event_card(account: Account, told: Told, motions: "pa.Table") -> str:
    """An event's card.

    Args:
        account: the session.
        told: the event.
        motions: of its face, in order (`Account.motions`).
    """
    event, number = told.event, told.spot.spot_id
    name = KIND_NAMES[event.kind].capitalize()
    face = f"face {event.face_id} · " if account.info.counts.faces > 1 else ""
    length_ms = 1000 * (event.offset_s - event.onset_s)
    when = f"{face}{event.onset_s:.2f}–{event.offset_s:.2f} s · {length_ms:.0f} ms · apex {event.apex_s:.2f} s"
    when += " · its end was not seen" * event.cut_off
    units = [f"<li><b>{escape(code)}</b> {escape(unit_name(code))}</li>" for code in event.action_units]
    chips = "".join(units) or "<li>no action unit</li>"
    if event.label != "none":
        chips += f"<li>{event.label}</li>"
    sure = min(event.confidence, 0.99)  # nothing is certain
    chips += f"<li>{100 * event.magnitude_iod:.1f} % of eye distance</li><li>confidence {sure:.0%}</li>"
    return (
        f'<article class="card event" id="e{number}">{_flow(told)}'
        f'<div><h3><span class="kind {event.kind}">{name}</span>#{number}</h3><p class="when">{when}</p>'
        f'<ul class="chips">{chips}</ul><p class="words">{escape(event.narration)}</p></div>'
        f"{_plot(told, motions)}</article>"
    )


def unit_name(code: str) -> str:
    """The name of an action unit; the side is the subject's."""
    try:
        side, unit = parse_code(code)
    except ValueError:
        return ""
    return unit.name + {"L": ", subject’s left", "R": ", subject’s right"}.get(side, "")


def _flow(told: Told) -> str:
    if not told.spot.sketch:
        return '<div class="flow empty">no flow picture</div>'
    data = base64.b64encode(told.spot.sketch).decode()
    name = f"Flow of event {told.spot.spot_id}, onset to apex"
    return f'<img class="flow" alt="{name}" src="data:image/png;base64,{data}">'


def _plot(told: Told, motions: "pa.Table") -> str:
    """The displacement of the regions that moved most, along the way they moved, from a little before to after."""
    event = told.event
    axis = Axis(max(event.onset_s - _BEFORE_S, 0.0), event.offset_s + _AFTER_S)
    start, stop = np.searchsorted(motions["time_s"].to_numpy(), (axis.start_s, np.nextafter(axis.end_s, np.inf)))
    near = motions.slice(int(start), int(stop - start))
    most = sorted(told.spot.regions, key=lambda region: -region.mean_iod)[: len(_LINES)]
    if len(near) < 2 or not most:
        return '<div class="plot"><p class="hint">No curves: the face was not measured around this event.</p></div>'
    times = near["time_s"].to_numpy()
    at_onset = int(np.argmin(np.abs(times - event.onset_s)))
    curves = []
    for region, name in zip(most, _LINES, strict=False):
        moved = np.stack([near[column].to_numpy() for column in region_columns(region.name)], axis=1) * 100
        moved -= moved[at_onset]
        way = np.array([region.u_iod, region.v_iod])
        along = moved @ (way / max(float(np.hypot(*way)), 1e-12))
        curves.append((region.name, Curve(times, along, name)))
    top = max(max(float(curve.values.max()) for _, curve in curves) * 1.12, 0.3)
    bottom = min(min(float(curve.values.min()) for _, curve in curves) * 1.12, -0.15 * top)
    drawn = [
        span(axis, event.onset_s, event.offset_s, "shade", height=_PLOT), level(0.0, top, bottom, "zero", _PLOT),
        mark(axis, event.onset_s, "onset", _PLOT), mark(axis, event.apex_s, "apex", _PLOT),
        mark(axis, event.offset_s, "offset", _PLOT), *(line(curve, axis, top, bottom, _PLOT) for _, curve in curves),
    ]  # fmt: skip
    legend = "".join(f"<span>{_dash(curve.name)}{escape(name)}</span>" for name, curve in curves)
    name = f"Displacement of {', '.join(name for name, _ in curves)} around the event, % of eye distance"
    return (
        f'<div class="plot"><div class="legend">{legend}</div>{svg(drawn, escape(name), _PLOT)}'
        f'{labels(axis, 5)}<div class="scale"><span>s; lines at onset, apex, offset</span>'
        f"<span>highest {top / 1.12:.1f} % of eye distance</span></div></div>"
    )


def _dash(name: str) -> str:
    return f'<svg viewBox="0 0 22 8" aria-hidden="true"><polyline class="{name}" points="0,4 22,4"/></svg>'
