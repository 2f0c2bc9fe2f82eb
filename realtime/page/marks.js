// What is marked on the curves: events with onset, apex and offset, notes, and frames that were not looked at.

import { kindOf } from "./cards.js";

/** Height of the events' names above a lane, px. */
export const RAIL = 16;

/**
 * Draw the marks of one face.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./track.js").Track} track
 * @param {number} face
 * @param {[number, number]} range the times at the edges, s.
 * @param {(t: number) => number} x where a time lies, px.
 * @param {{x: number, y: number, width: number, all: number, top: number, bottom: number, free: number}} box of the lane, px: `all` is the
 *   canvas's width, `free` where names of events may begin.
 * @param {Record<string, string>} theme colours by name.
 * @param {string} font
 * @param {number|null} chosen the event to stress.
 */
export function drawMarks(context, track, face, range, x, box, theme, font, chosen) {
  drawGaps(context, track, range, x, box, theme);
  let free = box.free; // where the next name may begin
  for (const { id, spot, said } of track.found()) {
    if (spot.face !== face || spot.onset > range[1]) continue;
    const end = spot.offset ?? Math.max(spot.apex ?? spot.onset, track.last);
    if (end < range[0]) continue;
    const kind = spot.kind ?? "speech";
    context.fillStyle = context.strokeStyle = theme[kind];
    drawSpan(context, spot, x(spot.onset), x(end), spot.apex === null ? null : x(spot.apex), box, id === chosen);
    const name = said?.units.length ? said.units.join(" ") : kindOf(spot);
    context.font = `${id === chosen ? 700 : 600} 11px ${font}`;
    context.textAlign = "left";
    const across = context.measureText(name).width;
    const at = Math.max(Math.min(x(spot.onset), box.x + box.width - across), box.x + 2); // whole at either edge
    if (at < free) continue;
    context.fillText(name, at, box.y + RAIL / 2);
    free = at + across + 6;
  }
  free = -Infinity;
  for (const note of [...track.notes.values()].sort((a, b) => a.t - b.t)) {
    if (note.t <= range[1] && (note.until ?? note.t) >= range[0]) free = drawNote(context, note, x(note.t), box, free, theme, font);
  }
}

/** An event: a band from onset to offset, dashed edges, a line and a diamond at the apex. */
function drawSpan(context, spot, onset, offset, apex, { top, bottom }, chosen) {
  context.globalAlpha = chosen ? 0.26 : 0.13;
  context.fillRect(onset, top - 3, Math.max(offset - onset, 1.5), bottom - top + 3);
  context.globalAlpha = 1;
  context.lineWidth = 1;
  context.setLineDash([2, 2]);
  line(context, onset, top - 3, onset, bottom);
  if (spot.offset !== null) line(context, offset, top - 3, offset, bottom);
  context.setLineDash([]);
  if (apex === null) return;
  context.lineWidth = 1.5;
  line(context, apex, top - 3, apex, bottom);
  context.beginPath();
  for (const [dx, dy] of [[0, -4.5], [4.5, 0], [0, 4.5], [-4.5, 0]]) context.lineTo(apex + dx, top - 3 + dy);
  context.fill();
}

/** What was not looked at: a small tick at the bottom for frames, a bar for a time without any. */
function drawGaps(context, track, range, x, { bottom }, theme) {
  context.fillStyle = theme.danger;
  context.globalAlpha = 0.8;
  for (const gap of track.gaps.values()) {
    const from = Math.max(gap.t, range[0]);
    const until = Math.min(gap.until ?? gap.t, range[1]);
    if ((gap.frames > 0 || gap.until) && from <= until) context.fillRect(x(from) - 1, bottom, x(until) - x(from) + 2, 3);
  }
  context.globalAlpha = 1;
}

/** A note: a flag, and its first words where they are free of those of the note before; where the next may begin. */
function drawNote(context, note, x, { top, bottom, all }, free, theme, font) {
  context.fillStyle = context.strokeStyle = theme.ink;
  context.globalAlpha = 0.8;
  context.lineWidth = 1;
  line(context, x, top - 3, x, bottom);
  context.beginPath();
  for (const [dx, dy] of [[0, 0], [8, 0], [5.5, 4], [8, 8], [0, 8]]) context.lineTo(x + dx, top + 1 + dy);
  context.fill();
  context.font = `500 11px ${font}`;
  context.textAlign = "left";
  const words = note.text.length > 28 ? `${note.text.slice(0, 27)}…` : note.text;
  const across = context.measureText(words).width;
  const at = x + 12 + across > all ? x - 6 - across : x + 12; // at the right edge they stand before the flag
  if (at >= free) context.fillText(words, at, top + 6);
  context.globalAlpha = 1;
  return at >= free ? Math.max(x, at + across) + 12 : free;
}

/** A line. */
export function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** A time in a rounded box, kept within the width. */
export function pill(context, words, x, y, back, ink, font, width) {
  context.font = `600 11px ${font}`;
  const across = context.measureText(words).width + 12;
  const middle = Math.min(Math.max(x, across / 2), width - across / 2);
  context.fillStyle = back;
  context.beginPath();
  context.roundRect(middle - across / 2, y - 8, across, 16, 8);
  context.fill();
  context.fillStyle = ink;
  context.textAlign = "center";
  context.fillText(words, middle, y + 0.5);
}
