// Which moment is shown: the newest, one that was chosen, or one that runs on from there.

const LONGEST_S = 0.25; // a frame that was drawn later than that: the page was away, and nothing was seen meanwhile
const SLOW = 0.25; // speed of what is shown again and again

export class Playhead extends EventTarget {
  /**
   * @param {import("./track.js").Track} track whose time it is.
   * @param {boolean} live whether the newest moment is a place to be.
   */
  constructor(track, live) {
    super();
    this.track = track;
    this.live = live;
    this.running = live;
    this.chosen = 0;
    this.speed = 1;
    this.loop = null; // the times between which it goes round
    this._then = null;
    track.addEventListener("end", () => this.atNow && this.pause());
  }

  /** Whether there is a newest moment to be at: a session that goes on. */
  get follows() {
    return this.live && this.track.ended === null;
  }

  /** Whether the newest moment is shown. */
  get atNow() {
    return this.live && this.running && this._then === null;
  }

  /** The moment shown, s. */
  get t() {
    return this.atNow ? this.track.last : this.chosen;
  }

  /** How fast the time runs. */
  get rate() {
    return this.loop ? SLOW : this.speed;
  }

  /** Where the known curves begin; events and notes from before can be shown, too. */
  get first() {
    return Math.min(this.track.first, this.track.last);
  }

  /** Show a moment and stay there. */
  seek(t) {
    if (this.loop) this.running = false;
    this.loop = null;
    this.chosen = Math.min(Math.max(t, 0), this.track.last);
    this._then = this.running && !this.atNow ? performance.now() : null;
    if (this.live && this._then === null) this.running = false;
    this._told();
  }

  /** Go on from the moment shown. */
  play() {
    if (this.chosen >= this.track.last - 0.05) this.chosen = this.follows ? this.track.last : this.first;
    this.running = true;
    this._then = performance.now();
    this._told();
  }

  pause() {
    this.chosen = this.t;
    this.running = false;
    this.loop = this._then = null;
    this._told();
  }

  /** Show what is between two times again and again, slowly, until something else is asked for. */
  repeat(from, to) {
    this.loop = [Math.max(from, 0), Math.min(to, this.track.last)];
    this.chosen = this.loop[0];
    this.running = true;
    this._then = performance.now();
    this._told();
  }

  toggle() {
    if (this.running) this.pause();
    else this.play();
  }

  /** Show the newest moment from now on. */
  follow() {
    if (!this.follows) return;
    this.running = true;
    this.loop = this._then = null;
    this._told();
  }

  /** Once a drawn frame: let the time run. */
  tick(now) {
    if (!this.running || this._then === null) return;
    this.chosen += Math.min((now - this._then) / 1000, LONGEST_S) * this.rate;
    this._then = now;
    if (this.loop) {
      if (this.chosen >= this.loop[1]) this.chosen = this.loop[0];
    } else if (this.chosen >= this.track.last) {
      this.chosen = this.track.last;
      if (this.follows) this.follow();
      else this.pause();
    }
  }

  _told() {
    this.dispatchEvent(new Event("change"));
  }
}
