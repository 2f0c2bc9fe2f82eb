// What is known of one session: the curves of every face, events with their words, notes, remarks, gaps.

export const PARTS = ["brow", "eyelid", "nose", "mouth", "chin", "cheek"];

/** The parts' names for people. */
export const PART_NAMES = { brow: "Brows", eyelid: "Lids", nose: "Nose", mouth: "Mouth", chin: "Chin", cheek: "Cheeks" };

export const NEAR_S = 0.5; // between two frames of a face that is there, on a slow machine
const MOST_FRAMES = 36000; // of a live session, whose curves are kept: 20 minutes at 30 fps
const MOST_NEWS = 5000; // of its notes, of its remarks, and of its gaps: as many as the server keeps (`realtime/dashboard/room.py`)

/** One face's curves: for every point its time, and how far the farthest region of every part is from its rest. */
class Lane {
  /** @param {number} id of the face. */
  constructor(id) {
    this.id = id;
    this.t = [];
    this.parts = []; // Float32Array(6) a point, IOD
    this.moves = []; // Float32Array(58) a point, IOD: u and v of every region in turn
    this.last = null; // the last message about it
  }

  /** Add a point. */
  push(t, parts, moves) {
    if (t <= this.t.at(-1)) return;
    this.t.push(t);
    this.parts.push(parts);
    this.moves.push(moves);
  }

  /** Let go of what was before a time; whether there is anything left. */
  forget(t) {
    const count = this.at(t - 1e-6) + 1;
    for (const list of [this.t, this.parts, this.moves]) list.splice(0, count);
    return this.t.length > 0;
  }

  /** Index of the last point at or before a time; -1 if there is none. */
  at(t) {
    let [low, high] = [0, this.t.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.t[middle] <= t) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The time of the point after (1) or before (-1) a time; undefined if there is none. */
  beside(t, way) {
    return this.t[way > 0 ? this.at(t + 1e-6) + 1 : this.at(t - 1e-6)];
  }
}

/** What is known of one session. It may be told the same again, as after a lost connection: then it knows no more. */
export class Track extends EventTarget {
  /**
   * @param {boolean} live whether it may go on without end: then of the curves, the gaps, the notes and the remarks
   *   only the newest are kept. Events, of which there are few, all are.
   */
  constructor(live) {
    super();
    [this.most, this.mostNews] = live ? [MOST_FRAMES, MOST_NEWS] : [Infinity, Infinity];
    this.clear({ regions: [], units: {}, steps_per_iod: 1, threshold: 0.003 });
  }

  /** Forget everything; `hello` names the regions. */
  clear(hello) {
    this.hello = hello;
    this.times = []; // of the frames that are kept
    this.lanes = new Map();
    this.faces = 0; // that were ever seen, those included whose lanes are no longer kept
    this.events = new Map();
    this.notes = new Map(); // by their text, as the following are
    this.remarks = new Map();
    this.gaps = new Map();
    this.summary = null;
    this.first = Infinity; // from here on the curves are known: of a long live session the newest part
    this.last = 0;
    this.present = new Set();
    this.ended = null;
    this.changed("clear");
  }

  changed(what, detail = null) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }

  /** Take in one message of the server (`realtime/dashboard/wire.py`). */
  take(message) {
    const handler = this[`_${message.type}`];
    if (handler) handler.call(this, message);
  }

  _motions({ rows }) {
    for (const row of rows) this._motion(row);
  }

  _news({ rows }) {
    for (const row of rows) this.take(row);
  }

  _motion({ t, faces }) {
    if (this.first === Infinity) this.first = t;
    if (t < this.first) return; // told again, and no longer kept
    this._frame(t);
    this.last = Math.max(this.last, t);
    for (const face of faces) {
      const lane = this.lane(face.id);
      const moves = this.moves(face.u, face.v);
      lane.push(t, this.reach(moves), moves);
      lane.last = face;
      this.present.add(face.id);
    }
    if (!faces.length) this.present.clear();
  }

  /** Keep a frame's time; when there are too many the oldest tenth goes, and what the lanes know of it. */
  _frame(t) {
    if (t <= this.times.at(-1)) return;
    this.times.push(t);
    if (this.times.length <= this.most) return;
    this.times.splice(0, this.most / 10);
    this.first = this.times[0];
    const gone = [...this.lanes.values()].filter((lane) => !lane.forget(this.first));
    for (const { id } of gone) {
      this.lanes.delete(id);
      this.present.delete(id);
    }
    if (gone.length) this.changed("lanes");
  }

  lane(id) {
    if (!this.lanes.has(id)) {
      this.lanes.set(id, new Lane(id));
      this.faces += 1;
      this.changed("lanes");
    }
    return this.lanes.get(id);
  }

  /** Displacements as they travel, in IOD: u and v in turn. */
  moves(u, v) {
    const moves = new Float32Array(2 * u.length);
    for (let k = 0; k < u.length; k++) {
      moves[2 * k] = u[k] / this.hello.steps_per_iod;
      moves[2 * k + 1] = v[k] / this.hello.steps_per_iod;
    }
    return moves;
  }

  /** How far the farthest region of every part is from its rest, IOD. */
  reach(moves) {
    const reach = new Float32Array(PARTS.length);
    this.hello.regions.forEach(({ part }, k) => {
      const index = PARTS.indexOf(part);
      reach[index] = Math.max(reach[index], Math.hypot(moves[2 * k], moves[2 * k + 1]));
    });
    return reach;
  }

  /** Whether a face was seen about a time. */
  seen(t) {
    return [...this.lanes.values()].some((lane) => {
      const before = lane.at(t);
      return t - lane.t[before] < NEAR_S || lane.t[before + 1] - t < NEAR_S;
    });
  }

  event(id) {
    if (!this.events.has(id)) this.events.set(id, { id, spot: null, words: "", said: null, pieces: "" });
    return this.events.get(id);
  }

  _spot(spot) {
    const event = this.event(spot.id);
    event.spot = spot;
    if (spot.phase === "apex" || spot.phase === "rising") event.pieces = "";
    this.changed("event", event);
  }

  _say(say) {
    if (say.id < 0) {
      this.summary = say;
      this.changed("summary", say);
      return;
    }
    const event = this.event(say.id);
    const fresh = say.text !== event.said?.text;
    const closed = event.spot?.phase === "closed";
    if (say.final) {
      event.said = say;
      event.words = say.text;
    } else {
      // The first clause is said at the apex, and again with the whole once the event has closed.
      if (closed && !event.telling) {
        event.telling = true;
        event.pieces = "";
      }
      event.pieces += say.text;
      event.words = event.pieces;
    }
    this.changed("event", event);
    if (say.final && fresh) this.changed("said", event);
  }

  _lost({ face, cause, t }) {
    this.present.delete(face);
    this.changed("lost", { face, cause, t });
  }

  /** Keep a message that is not known yet, in place of the oldest if there are too many; whether it was one. */
  _keep(known, message) {
    const text = JSON.stringify(message);
    if (known.has(text)) return false;
    known.set(text, message);
    if (known.size > this.mostNews) known.delete(known.keys().next().value);
    return true;
  }

  _gap(gap) {
    if (this._keep(this.gaps, gap)) this.changed("gap", gap);
  }

  _annotation(note) {
    if (this._keep(this.notes, note)) this.changed("note", note);
  }

  _remark(remark) {
    if (this._keep(this.remarks, remark)) this.changed("remark", remark);
  }

  _end(end) {
    this.ended = end;
    this.changed("end", end);
  }

  /** Events in order of their onset, without those that were taken back. */
  found() {
    return [...this.events.values()]
      .filter(({ spot }) => spot && spot.phase !== "revoked")
      .sort((a, b) => a.spot.onset - b.spot.onset);
  }
}
