// A recorded video and the mesh that belongs to each of its frames.

import { element } from "./element.js";

export class Clip {
  /** @param {string} source address of the video. */
  constructor(source) {
    this.video = element("video.clip", { src: source, muted: true, playsInline: true, preload: "auto" });
    this.t = 0; // time of the frame that the video shows
    this.times = [];
    this.faces = []; // of each of the times, faces as `drawFace` takes them
    this.onframe = () => {};
    if (this.video.requestVideoFrameCallback) this._follow();
    else this.video.addEventListener("timeupdate", () => this._shown(this.video.currentTime));
    // A video that stands still and is not on the screen presents no frames: what it was sent to is what it shows.
    for (const what of ["seeked", "loadeddata"]) this.video.addEventListener(what, () => this._shown(this.video.currentTime));
  }

  _follow() {
    this.video.requestVideoFrameCallback((now, { mediaTime }) => {
      this._shown(mediaTime);
      this._follow();
    });
  }

  _shown(t) {
    this.t = t;
    this.onframe();
  }

  /** Read the meshes (`realtime/dashboard/script.py`, write_faces). */
  async load(address) {
    const answer = await fetch(address);
    if (!answer.ok) return;
    const buffer = await answer.arrayBuffer();
    const view = new DataView(buffer);
    let offset = 0;
    while (offset + 16 <= buffer.byteLength) {
      const t = view.getFloat64(offset, true);
      const id = view.getInt32(offset + 8, true);
      const points = view.getInt32(offset + 12, true);
      const mesh = new Int16Array(buffer, offset + 16, 2 * points);
      if (this.times[this.times.length - 1] !== t) {
        this.times.push(t);
        this.faces.push([]);
      }
      this.faces[this.faces.length - 1].push({ id, mesh, points });
      offset += 16 + 4 * points;
    }
    this.onframe();
  }

  /** The faces of the frame that is shown: those nearest in time, if they are within half a frame at 60 fps. */
  facesNow() {
    let [low, high] = [0, this.times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < this.t) low = middle + 1;
      else high = middle;
    }
    const near = [low - 1, low].filter((k) => this.times[k] !== undefined);
    if (!near.length) return [];
    const best = near.reduce((a, b) => (Math.abs(this.times[b] - this.t) < Math.abs(this.times[a] - this.t) ? b : a));
    return Math.abs(this.times[best] - this.t) < 0.0085 ? this.faces[best] : [];
  }

  /** Be where the playhead is; a running video is only corrected when it is off. */
  go(t, running, speed) {
    const { video } = this;
    if (running) {
      video.playbackRate = speed;
      if (video.paused) video.play().catch(() => {});
      if (Math.abs(video.currentTime - t) > 0.12) video.currentTime = t;
    } else {
      if (!video.paused) video.pause();
      // A little into the frame: a time on the edge may show the one before.
      if (this._asked !== t && !video.seeking) {
        this._asked = t;
        video.currentTime = t + 0.002;
      }
    }
  }
}
