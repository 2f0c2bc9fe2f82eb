// The displacement curves of every face, a lane each, with onset, apex and offset of the events on them.

import { Canvas, colour } from "./canvas.js";
import { clock, element, percent } from "./element.js";
import { drawMarks, line, pill, RAIL } from "./marks.js";
import { NEAR_S, PARTS, PART_NAMES } from "./track.js";

export const WINDOWS_S = [5, 10, 30, 60, 300, Infinity];

const LEAST_IOD = 0.012; // the scale's smallest top
const AXIS = 18; // height of the time axis, px
const LEFT = 44; // width of the scale, px
const RIGHT = 12;
const NEAR = 8; // so far from a note the pointer has it read out, px

export class Curves {
  /**
   * @param {import("./track.js").Track} track
   * @param {import("./playhead.js").Playhead} playhead
   * @param {(id: number) => void} choose called when an event is clicked.
   */
  constructor(track, playhead, choose) {
    Object.assign(this, { track, playhead, choose });
    this.asked = 10; // so many seconds are shown
    this.chosen = null; // id of the chosen event
    this.hidden = new Set(["eyelid"]);
    this.tops = new Map();
    this.pointer = null;
    const canvas = element("canvas", {
      tabIndex: 0, role: "slider", "aria-label": "Time; arrow keys go a frame back and forth, Home and End all the way",
      onpointerdown: (event) => this._grab(event), onpointermove: (event) => this._move(event),
      onpointerup: () => (this.held = null), onpointercancel: () => (this.held = null),
      onpointerleave: () => this._leave(), onwheel: (event) => this._wheel(event), onkeydown: (event) => this._key(event),
    }); // prettier-ignore
    this.legend = element("div.legend", { role: "group", "aria-label": "Curves" });
    for (const part of PARTS) this.legend.append(this._part(part));
    this.windows = element("div.segments", { role: "group", "aria-label": "Time shown" });
    for (const seconds of WINDOWS_S) {
      const name = seconds < 60 ? `${seconds} s` : seconds < Infinity ? `${seconds / 60} min` : "all";
      this.windows.append(element("button", { type: "button", textContent: name, onclick: () => this.span(seconds) }));
    }
    const title = element("h2", {}, "Movement, % of eye distance");
    this.marks = element("span.marks.quiet", { "aria-hidden": "true" },
      element("i.mark-onset"), "onset", element("i.mark-apex"), "apex", element("i.mark-offset"), "offset"); // prettier-ignore
    this.root = element("section.curves.panel", { "aria-label": "Curves" },
      element("header.curves-head", {}, title, this.legend, this.marks, this.windows), canvas); // prettier-ignore
    this.canvas = new Canvas(canvas, (context, width, height) => this._draw(context, width, height));
    track.addEventListener("clear", () => this.tops.clear());
    track.addEventListener("lanes", () => this.tops.forEach((_, id) => track.lanes.has(id) || this.tops.delete(id)));
    this.span(10);
  }

  _part(part) {
    const key = element("button.key", { type: "button", "aria-pressed": String(!this.hidden.has(part)) },
      element("i"), PART_NAMES[part]); // prettier-ignore
    key.style.setProperty("--key", `var(--${part})`);
    key.onclick = () => {
      if (!this.hidden.delete(part)) this.hidden.add(part);
      key.setAttribute("aria-pressed", String(!this.hidden.has(part)));
      this.canvas.stale = true;
    };
    return key;
  }

  /** How many seconds are shown. */
  get seconds() {
    return this.asked < Infinity ? this.asked : this._all;
  }

  get _all() {
    return Math.max(this.track.last, 10);
  }

  /** Show so many times as many seconds; where there are no more, all of them, and those that come. */
  zoom(factor) {
    const seconds = factor * this.seconds;
    this.span(seconds > this._all ? Infinity : seconds);
  }

  /** Show so many seconds. */
  span(seconds) {
    this.asked = Math.max(seconds, 2);
    this.end = undefined; // around the playhead, or up to now
    [...this.windows.children].forEach((button, k) =>
      button.setAttribute("aria-pressed", String(WINDOWS_S[k] === this.asked)));
    this.canvas.stale = true;
  }

  tick() {
    const { t } = this.playhead;
    if (t !== this._shownT || this.track.last !== this._shownLast) this.canvas.stale = true;
    [this._shownT, this._shownLast] = [t, this.track.last];
    this.canvas.paint();
  }

  /** The times at the window's edges: the playhead is at its end when live, else where it was when it was grabbed. */
  _range() {
    if (this.held) return this.held.range;
    if (this.asked === Infinity) return [0, this._all];
    const { playhead, track } = this;
    if (playhead.atNow) this.end = track.last;
    else if (this.end === undefined || playhead.t > this.end || playhead.t < this.end - this.seconds) {
      this.end = Math.max(Math.min(playhead.t + this.seconds / 2, track.last), this.seconds);
    }
    return [this.end - this.seconds, this.end];
  }

  _x(t, [from, to], width) {
    return LEFT + ((t - from) / (to - from)) * (width - LEFT - RIGHT);
  }

  /** The lanes that have something between two times: they share the height. */
  _lanes(range) {
    return [...this.track.lanes.values()].filter((lane) => {
      const index = lane.at(range[1]);
      return index >= 0 && lane.t[index] >= range[0];
    });
  }

  _draw(context, width, height) {
    const range = this._range();
    const lanes = this._lanes(range);
    const theme = Object.fromEntries(["ink", "quiet", "faint", "line", "panel", "micro", "macro", "speech", "danger",
      "accent", ...PARTS].map((name) => [name, colour(name)])); // prettier-ignore
    const font = getComputedStyle(document.body).fontFamily;
    const shown = lanes.length || 1;
    const each = (height - AXIS) / shown;
    this._axis(context, range, width, height, theme, font);
    for (let k = 0; k < shown; k++) {
      const box = { x: LEFT, y: k * each, width: width - LEFT - RIGHT, height: each, all: width };
      this._lane(context, lanes[k] ?? null, range, box, theme, font, lanes.length > 1);
    }
    this._cursor(context, range, width, height, theme, font);
    const slider = this.canvas.canvas;
    slider.setAttribute("aria-valuemin", this.playhead.first.toFixed(2));
    slider.setAttribute("aria-valuemax", this.track.last.toFixed(2));
    slider.setAttribute("aria-valuenow", this.playhead.t.toFixed(2));
    slider.setAttribute("aria-valuetext", clock(this.playhead.t));
  }

  _axis(context, range, width, height, theme, font) {
    const step = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800].find((s) => ((range[1] - range[0]) / s) * 64 < width) ?? 3600;
    context.font = `11px ${font}`;
    context.textBaseline = "middle";
    context.textAlign = "center";
    context.lineWidth = 1;
    for (let t = Math.ceil(range[0] / step) * step; t <= range[1]; t += step) {
      const x = Math.round(this._x(t, range, width)) + 0.5;
      context.strokeStyle = theme.line;
      context.globalAlpha = 0.6;
      line(context, x, 0, x, height - AXIS);
      context.globalAlpha = 1;
      context.fillStyle = theme.faint;
      if (t < 0) continue;
      const words = clock(t, step < 1 ? 1 : 0);
      context.fillText(words, Math.min(x, width - context.measureText(words).width / 2 - 2), height - AXIS / 2 + 1);
    }
  }

  _lane(context, lane, range, box, theme, font, named) {
    const bottom = box.y + box.height - 3;
    const top = box.y + RAIL + 3;
    const scale = lane ? this._scale(lane, range) : LEAST_IOD;
    const y = (iod) => bottom - (Math.min(iod / scale, 1.04)) * (bottom - top);
    context.strokeStyle = theme.line;
    context.fillStyle = theme.faint;
    context.textAlign = "right";
    context.font = `11px ${font}`;
    const step = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2].find((s) => (s / scale) * (bottom - top) > 24) ?? 0.5;
    for (let tick = 0; tick <= scale; tick += step) {
      line(context, box.x, Math.round(y(tick)) + 0.5, box.x + box.width, Math.round(y(tick)) + 0.5);
      context.fillText(percent(tick, step < 0.01 ? 1 : 0), box.x - 6, y(tick));
    }
    if (!lane) return;
    let free = -Infinity;
    if (named) {
      const name = `Face ${lane.id}`;
      context.font = `600 11px ${font}`;
      context.textAlign = "left";
      context.fillStyle = theme.quiet;
      context.fillText(name, box.x + 4, box.y + RAIL / 2 + 1);
      free = box.x + 4 + context.measureText(name).width + 6;
    }
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height);
    context.clip();
    const x = (t) => this._x(t, range, box.all);
    drawMarks(context, this.track, lane.id, range, x, { ...box, top, bottom, free }, theme, font, this.chosen);
    PARTS.forEach((part, k) => {
      if (!this.hidden.has(part)) this._curve(context, lane, k, range, box, y, theme[part]);
    });
    context.restore();
  }

  /** The top of a lane's scale: what is in the window fits; while time runs it falls slowly, so that no curve jumps. */
  _scale(lane, range) {
    let most = 0;
    for (let k = Math.max(lane.at(range[0]), 0); k < lane.t.length && lane.t[k] <= range[1]; k++) {
      PARTS.forEach((part, p) => {
        if (!this.hidden.has(part)) most = Math.max(most, lane.parts[k][p]);
      });
    }
    const wanted = Math.max(LEAST_IOD, 1.12 * most);
    const before = this.tops.get(lane.id) ?? wanted;
    const top = wanted > before || !this.playhead.running ? wanted : before + 0.06 * (wanted - before);
    this.tops.set(lane.id, top);
    return top;
  }

  _curve(context, lane, part, range, box, y, ink) {
    const first = Math.max(lane.at(range[0]), 0);
    const end = lane.at(range[1] + 0.1) + 1;
    const each = Math.max(1, Math.floor((end - first) / (1.5 * box.width))); // points that share a pixel
    context.beginPath();
    const isApart = (k) => k === first || lane.t[k] - lane.t[k - 1] > NEAR_S; // from the point before: the face was away
    for (let k = first, next; k < end; k = next) {
      let most = lane.parts[k][part];
      for (next = k + 1; next < Math.min(k + each, end) && !isApart(next); next++) most = Math.max(most, lane.parts[next][part]);
      const x = this._x(lane.t[k], range, box.all);
      if (isApart(k)) context.moveTo(x, y(most));
      else context.lineTo(x, y(most));
    }
    context.strokeStyle = ink;
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    context.stroke();
  }

  _cursor(context, range, width, height, theme, font) {
    const { playhead } = this;
    if (!playhead.atNow) {
      const x = this._x(playhead.t, range, width);
      context.strokeStyle = theme.ink;
      context.lineWidth = 1.5;
      line(context, x, 0, x, height - AXIS);
      pill(context, clock(playhead.t), x, height - AXIS / 2, theme.ink, theme.panel, font, width);
    }
    if (this.pointer !== null && !this.held) {
      context.strokeStyle = theme.faint;
      context.lineWidth = 1;
      line(context, this.pointer, 0, this.pointer, height - AXIS);
      const t = range[0] + ((this.pointer - LEFT) / (width - LEFT - RIGHT)) * this.seconds;
      pill(context, clock(Math.max(t, 0)), this.pointer, height - AXIS / 2, theme.faint, theme.panel, font, width);
    }
  }

  _time(event, range) {
    const box = this.canvas.canvas.getBoundingClientRect();
    return range[0] + ((event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT)) * (range[1] - range[0]);
  }

  _grab(event) {
    const range = this._range();
    this.canvas.canvas.setPointerCapture(event.pointerId);
    const t = this._time(event, range);
    this.held = { range };
    this.playhead.seek(t);
    const lanes = this._lanes(range);
    const lane = lanes[Math.floor((event.offsetY / (this.canvas.canvas.clientHeight - AXIS)) * lanes.length)];
    const hit = this.track.found().find(({ spot }) =>
      spot.face === lane?.id && t >= spot.onset && t <= (spot.offset ?? this.track.last)); // prettier-ignore
    if (hit) this.choose(hit.id);
  }

  _move(event) {
    if (this.held) this.playhead.seek(this._time(event, this.held.range));
    this.pointer = event.offsetX > LEFT ? event.offsetX : null;
    const range = this._range();
    const isNear = ({ t }) => Math.abs(this._x(t, range, this.canvas.canvas.clientWidth) - event.offsetX) < NEAR;
    this.canvas.canvas.title = [...this.track.notes.values()].filter(isNear).map(({ t, text }) => `${clock(t)}: ${text}`).join("\n");
    this.canvas.stale = true;
  }

  _leave() {
    this.pointer = null;
    this.canvas.stale = true;
  }

  _key(event) {
    const to = { Home: this.playhead.first, End: this.track.last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.playhead.seek(to);
  }

  _wheel(event) {
    if (!event.deltaY || event.shiftKey) return;
    event.preventDefault();
    this.zoom(1.2 ** Math.min(Math.max(event.deltaY / 100, -1), 1)); // a touchpad sends many small ones
  }
}
