// One session on the screen: the picture, its cards, its curves and its transport, all at the same moment.

import { Cards } from "./cards.js";
import { Curves } from "./curves.js";
import { element } from "./element.js";
import { Frames } from "./frames.js";
import { Playhead } from "./playhead.js";
import { Stage } from "./stage.js";
import { Track } from "./track.js";
import { Transport } from "./transport.js";

const NUDGE_S = 1;
const AROUND_S = 0.3; // shown before and after an event
const AT_S = 0.02; // so near to its apex an event is the one that is shown

export class Screen {
  /**
   * @param {boolean} live whether it follows a live session.
   * @param {{annotate: (t: number) => void}} does what is not done here.
   */
  constructor(live, does) {
    this.layers = { picture: true, mesh: true, regions: true, flow: true };
    this.track = new Track(live);
    this.playhead = new Playhead(this.track, live);
    this.frames = new Frames();
    this.stage = new Stage(this.track, this.playhead, this.frames, this.layers);
    this.curves = new Curves(this.track, this.playhead, (id) => this.choose(id, false));
    this.cards = new Cards(this.track, (id) => this.replay(id), (note) => this.visit(note), live);
    this.transport = new Transport(this.track, this.playhead, this.layers, {
      annotate: () => does.annotate(this.playhead.t),
    });
    this.does = does;
    this.root = element("div.screen", {}, this.stage.root, this.cards.root, this.transport.root, this.curves.root);
    this.transport.root.addEventListener("layers", () => (this.stage.canvas.stale = true));
    this.playhead.addEventListener("change", () => this.stale());
    for (const what of ["event", "note", "gap", "lanes", "clear"]) {
      this.track.addEventListener(what, () => (this.curves.canvas.stale = true));
    }
  }

  stale() {
    this.stage.canvas.stale = this.curves.canvas.stale = true;
  }

  /** Show an event: its card marked, and the picture at its apex. */
  choose(id, seek = true) {
    const event = this.track.events.get(id);
    this.curves.chosen = id;
    this.cards.mark(id);
    if (seek && event?.spot) this.playhead.seek(event.spot.apex ?? event.spot.onset);
    if (seek) this.playhead.pause();
    this.stale();
  }

  /** Show an event again and again, slowly; chosen once more, or where nothing is to move, it stands at its apex. */
  replay(id) {
    const { spot } = this.track.events.get(id);
    const stands = (this.playhead.loop && this.curves.chosen === id) || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.choose(id);
    if (spot.phase === "closed" && !stands) this.playhead.repeat(spot.onset - AROUND_S, spot.offset + AROUND_S);
  }

  /** Show the moment of a note. */
  visit(note) {
    this.choose(note, false);
    this.playhead.seek(note.t);
    this.playhead.pause();
  }

  /** Once a drawn frame. */
  tick(now) {
    this.playhead.tick(now);
    this.stage.tick();
    this.curves.tick();
    this.transport.tick();
  }

  /** Heed a key; whether it meant something. */
  key(key, shift) {
    const { playhead, transport } = this;
    const layer = { p: "picture", m: "mesh", g: "regions", f: "flow" }[key];
    if (layer) transport.toggle(layer);
    else if (key === " ") playhead.toggle();
    else if (key === "l" && playhead.live) playhead.follow();
    else if (key === "escape" && playhead.loop) playhead.pause();
    else if (key === "a") this.does.annotate(playhead.t);
    else if (key === "arrowleft" || key === "arrowright") this._step(key === "arrowleft" ? -1 : 1, shift);
    else if (key === "[" || key === "]") this._event(key === "[" ? -1 : 1);
    else if (key === "+" || key === "=") this.curves.zoom(0.5);
    else if (key === "-") this.curves.zoom(2);
    else return false;
    return true;
  }

  /** One frame on or back, or a second. */
  _step(way, far) {
    const { playhead, track } = this;
    const t = playhead.t;
    if (playhead.running) playhead.pause();
    const times = [...track.lanes.values()].map((lane) => lane.beside(t, way)).filter((time) => time !== undefined);
    playhead.seek(far || !times.length ? t + way * NUDGE_S : way * Math.min(...times.map((time) => way * time)));
  }

  /** The event before or after the moment shown. */
  _event(way) {
    const { t, loop } = this.playhead;
    const apex = ({ spot }) => spot.apex ?? spot.onset;
    const found = this.track.found().sort((a, b) => apex(a) - apex(b)); // two faces may have theirs at the same moment
    const chosen = found.findIndex(({ id }) => id === this.curves.chosen);
    const isThere = chosen >= 0 && (loop || Math.abs(apex(found[chosen]) - t) <= AT_S);
    const beside = found.filter((event, k) => way * (isThere ? k - chosen : apex(event) - t - way * AT_S) > 0);
    const event = beside.at(way < 0 ? -1 : 0);
    if (event) this.choose(event.id);
  }
}
