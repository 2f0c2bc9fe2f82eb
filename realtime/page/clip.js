// A recorded video and the mesh that belongs to each of its frames.

import { element } from "./element.js";

const HAS_FRAME = 2; // readyState HAVE_CURRENT_DATA
const SETTLING = 60; // ticks after a jump in which its frame is looked for in each
const LOOK_TICKS = 15; // and then in each so many
const STUCK_S = 3; // a jump that takes longer is made anew,
const LOST_S = 0.5; // and so is one that has ended so far away from where it should
const NO_TIME_US = 10_000; // a frame that says less, though the video is
const NEAR_S = 0.05; // farther on than that, has no time of its own

export class Clip {
  /** @param {string} source address of the video. */
  constructor(source) {
    this.video = element("video.clip", { src: source, muted: true, playsInline: true, preload: "auto" });
    this.picture = null; // the frame that was taken last: it stays on the screen while the video looks for another
    this.t = 0; // its time
    this.problem = "";
    this.times = [];
    this.faces = []; // of each of the times, faces as `drawFace` takes them
    this.onframe = () => {};
    this._timed = true; // whether a frame says itself which it is: in Firefox it does not
    this._lead = 0; // s that a jump takes here
    this._ticks = 0; // since the last jump
    if (this.video.requestVideoFrameCallback) this._follow();
    else this.video.addEventListener("timeupdate", () => this._presented(this.video.currentTime));
    this.video.addEventListener("seeking", () => (this._since = performance.now()));
    for (const what of ["seeked", "loadeddata", "canplay"]) this.video.addEventListener(what, () => this._arrived());
    this.video.addEventListener("error", () => {
      this.problem = "This video cannot be shown: it is damaged, or of a kind that this browser does not play.";
      this.onframe();
    });
  }

  _follow() {
    this.video.requestVideoFrameCallback((now, { mediaTime }) => {
      this._presented(mediaTime);
      this._follow();
    });
  }

  _presented(t) {
    this._told = t;
    this.onframe();
  }

  /** A jump has ended. Its frame may still be on its way to the screen, so it is looked for during the next ticks. */
  _arrived() {
    if (this._since !== undefined) this._lead = Math.min((performance.now() - this._since) / 1000, 1);
    this._since = undefined;
    this._ticks = 0;
    this.onframe();
  }

  /** Take the frame that the video shows now; whether there is one, or was. */
  take() {
    const { video } = this;
    if (video.readyState < HAS_FRAME || !video.videoWidth) return this.picture !== null;
    if (!window.VideoFrame) {
      this.picture = video;
      this.t = this._clock();
      return true;
    }
    try {
      const frame = new VideoFrame(video);
      this.picture?.close();
      this.picture = frame;
      this._timed &&= frame.timestamp > NO_TIME_US || !this._isAt(this._told);
      this.t = this._timed ? frame.timestamp / 1e6 : this._clock();
    } catch {
      // It has none at this moment.
    }
    return this.picture !== null;
  }

  /** Whether the video stands, or runs, at a frame that was told of, and that is not its first. */
  _isAt(told) {
    const { video } = this;
    return !video.seeking && told > NEAR_S && Math.abs(video.currentTime - told) < NEAR_S;
  }

  /** The time of the frame that is shown where the frame itself does not say it: as told, unless a jump has ended since. */
  _clock() {
    const { video, _told: told } = this;
    return Math.abs(video.currentTime - told) < NEAR_S || !video.paused ? (told ?? video.currentTime) : video.currentTime;
  }

  /** How long it has been looking for a frame, s. */
  get looking() {
    return this._since === undefined ? 0 : (performance.now() - this._since) / 1000;
  }

  close() {
    this.video.removeAttribute("src");
    this.video.load(); // lets go of the connection
    this.video.remove();
    if (this.picture !== this.video) this.picture?.close();
    this.picture = null;
  }

  /**
   * Read the meshes (`realtime/dashboard/script.py`, write_faces).
   * @param {string} address
   * @param {AbortSignal} signal ends the reading.
   */
  async load(address, signal) {
    const buffer = await fetch(address, { signal }).then((answer) => (answer.ok ? answer.arrayBuffer() : null)).catch(() => null); // prettier-ignore
    if (buffer === null) return;
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
    const stuck = this.looking > STUCK_S;
    this._ticks += 1;
    if (this._ticks < SETTLING || this._ticks % LOOK_TICKS === 0) this.onframe();
    if (running) {
      this._asked = undefined;
      video.playbackRate = speed;
      if (video.paused) video.play().catch(() => {});
      // A jump that is under way is let end: on a busy machine one that is broken off for the next never shows anything.
      if ((!video.seeking || stuck) && Math.abs(video.currentTime - t) > 0.12 + this._lead / 2) {
        video.currentTime = t + this._lead * speed;
      }
    } else {
      if (!video.paused) video.pause();
      // A little into the frame: a time on the edge may show the one before.
      const lost = !video.seeking && this._ticks > SETTLING && this.picture && Math.abs(this.t - t) > LOST_S;
      if ((this._asked !== t && !video.seeking) || stuck || lost) {
        this._asked = t;
        this._ticks = 0;
        if (stuck) this._since = performance.now();
        video.currentTime = t + 0.002;
      }
    }
  }
}
