// The picture with its overlays, or the drawn face in its place, and what has to be said when there is neither.

import { Canvas, colour } from "./canvas.js";
import { clock, element } from "./element.js";
import { ARROWS, drawFace, drawName } from "./overlay.js";
import { drawPuppet, PUPPET_NOTE } from "./puppet.js";

const LATE_S = 0.5; // an older frame stays so long without a word

export class Stage {
  /**
   * @param {import("./track.js").Track} track
   * @param {import("./playhead.js").Playhead} playhead
   * @param {import("./frames.js").Frames} frames
   * @param {{picture: boolean, mesh: boolean, regions: boolean, flow: boolean}} layers what is shown.
   */
  constructor(track, playhead, frames, layers) {
    Object.assign(this, { track, playhead, frames, layers });
    this.hasPictures = true;
    this.hindrance = ""; // why the newest moment is not now
    this.clip = null; // a video element with the recorded picture
    const canvas = element("canvas", { role: "img", "aria-label": "The face with what was measured on it" });
    this.pill = element("span.pill", {}, "LIVE");
    this.note = element("span.tag.number");
    this.legend = element("span.tag", { title: "The colour of an arrow's surroundings is its direction" },
      element("i.wheel"), element("span")); // prettier-ignore
    this.message = element("p.stage-message", { role: "status", hidden: true });
    this.root = element("figure.stage.panel", {}, canvas, this.pill, this.note, this.legend, this.message);
    this.canvas = new Canvas(canvas, (context, width, height) => this._draw(context, width, height));
  }

  /** Say something in the middle of the picture; nothing takes it away. */
  say(words) {
    if (this.message.textContent === words) return;
    this.message.textContent = words;
    this.message.hidden = !words;
    this.canvas.stale = true;
  }

  tick() {
    const { playhead, frames } = this;
    if (this.showsPicture && !this.clip) {
      frames.want(playhead.atNow ? Infinity : playhead.t, () => (this.canvas.stale = true));
    } else {
      this.clip?.go(playhead.t, playhead.running, playhead.rate);
      if (playhead.t !== this._shownT || this.clip?.looking > LATE_S) this.canvas.stale = true;
      this._shownT = playhead.t;
    }
    this.pill.hidden = !playhead.live;
    this.pill.textContent = this._state();
    this.pill.dataset.on = String(this.pill.textContent === "LIVE");
    this.canvas.paint();
  }

  _state() {
    if (!this.playhead.follows) return "ENDED";
    if (!this.playhead.atNow) return this.playhead.running ? "REPLAY" : "PAUSED";
    return this.hindrance || "LIVE";
  }

  get showsPicture() {
    return this.layers.picture && (this.clip !== null || (this.hasPictures && this.frames.list.length > 0));
  }

  _draw(context, width, height) {
    const canvas = this.canvas.canvas;
    this.legend.hidden = !this.layers.flow;
    this.root.dataset.filled = String(this.showsPicture && (this.clip ?? this.frames.shown) !== null);
    if (this.clip && !this.layers.picture) this.say("");
    if (this.clip && this.layers.picture) this._drawClip(context, width, height);
    else if (this.showsPicture && this.frames.shown) this._drawPicture(context, width, height);
    else {
      delete canvas.dataset.seq;
      this._drawPuppets(context, width, height);
    }
  }

  /** A transform that fits a picture into the canvas. */
  _fit(context, width, height, across, down) {
    const scale = Math.min(width / across, height / down);
    context.translate((width - scale * across) / 2, (height - scale * down) / 2);
    context.scale(scale, scale);
    return scale;
  }

  _drawPicture(context, width, height) {
    const { picture, bitmap } = this.frames.shown;
    context.save();
    const scale = this._fit(context, width, height, picture.width, picture.height);
    context.drawImage(bitmap, 0, 0, picture.width, picture.height);
    for (const face of picture.faces) drawFace(context, face, this.track.hello, this.layers, 1 / scale);
    if (picture.faces.length > 1) for (const face of picture.faces) drawName(context, face, this.track.hello, 1 / scale);
    context.restore();
    // The numbers of the picture and of the overlay that lies on it: always the same one.
    this.canvas.canvas.dataset.seq = picture.seq;
    this.canvas.canvas.dataset.faces = picture.faces.length;
    this.note.textContent = `${clock(picture.t)} · frame ${picture.seq}`;
    this.legend.lastChild.textContent = `arrows ×${ARROWS}`;
  }

  _drawClip(context, width, height) {
    const { clip, track } = this;
    const has = clip.take();
    const late = clip.looking > LATE_S;
    this.say(clip.problem || (has && !late ? "" : "Reading the video…"));
    if (!has) return;
    const { videoWidth, videoHeight } = clip.video;
    context.save();
    const scale = this._fit(context, width, height, videoWidth, videoHeight);
    context.drawImage(clip.picture, 0, 0, videoWidth, videoHeight);
    const faces = clip.facesNow();
    for (const face of faces) {
      const lane = track.lanes.get(face.id);
      const moves = lane?.moves[lane.at(clip.t + 0.0085)];
      drawFace(context, { ...face, moves }, track.hello, this.layers, 1 / scale);
    }
    if (faces.length > 1) for (const face of faces) drawName(context, face, track.hello, 1 / scale);
    context.restore();
    this.canvas.canvas.dataset.t = clip.t.toFixed(3);
    this.note.textContent = clock(clip.t);
    this.legend.lastChild.textContent = `arrows ×${ARROWS}`;
  }

  _drawPuppets(context, width, height) {
    const { playhead, track } = this;
    const lanes = [...track.lanes.values()].filter((lane) => {
      const index = lane.at(playhead.t);
      return index >= 0 && playhead.t - lane.t[index] < 0.5;
    });
    this.note.textContent = track.lanes.size ? clock(playhead.t) : "";
    this.legend.lastChild.textContent = PUPPET_NOTE;
    this.legend.hidden = !lanes.length || !this.layers.flow;
    if (!lanes.length || !this.message.hidden) return;
    const iod = Math.min(width / lanes.length / 3, height / 3.4);
    lanes.forEach((lane, k) => {
      const x = (width * (2 * k + 1)) / (2 * lanes.length);
      const moves = lane.moves[lane.at(playhead.t)];
      drawPuppet(context, { x, y: height / 2 - 0.4 * iod, iod }, moves, track.hello, this.layers, colour("ink"));
      if (lanes.length > 1) {
        context.fillStyle = colour("quiet");
        context.font = "600 12px system-ui, sans-serif";
        context.textAlign = "center";
        context.fillText(`Face ${lane.id}`, x, height / 2 - 1.5 * iod);
      }
    });
  }
}
