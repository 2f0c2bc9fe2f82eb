// The place where the session is watched.

import { askConsent, askNote } from "./dialogs.js";
import { clock, element } from "./element.js";
import { Health } from "./health.js";
import { menu } from "./menu.js";
import { Screen } from "./screen.js";
import { banner, toast } from "./toasts.js";

const AWAY_S = 1.5; // a face not seen for so long is gone, and so is the camera without a frame
const GONE = "The curves and pictures of this moment are no longer kept on this page.";
const ANOTHER = "A new session has begun here. What was seen of the last one stays on this page until you close it.";

export class Live {
  /**
   * @param {HTMLElement} root
   * @param {import("./connection.js").Connection} connection
   */
  constructor(root, connection) {
    this.connection = connection;
    this.screen = new Screen(true, { annotate: (t) => this.annotate(t) });
    this.health = new Health(this.screen.track);
    this.session = null;
    this.recording = null;
    this.connected = false;
    this.arrived = 0;
    this.away = null; // the gap that nothing has come after yet
    this.asked = false;
    this.noting = null; // the note that is on its way
    this.nothing = element("div.nothing", { hidden: true }, element("h1", {}, "No live session here"),
      element("p", {}, "Start one with ", element("code", {}, "mellm live 0 --dashboard"), ".")); // prettier-ignore
    root.append(this.nothing, this.screen.root, this.health.root);
    this._actions();
    const { track, stage } = this.screen;
    track.addEventListener("said", ({ detail }) => this._speak(detail));
    track.addEventListener("note", ({ detail }) => this._noted(detail));
    track.addEventListener("remark", ({ detail }) => toast(detail.text, "warning"));
    track.addEventListener("gap", ({ detail }) => this._gap(detail));
    track.addEventListener("end", ({ detail }) => this._end(detail));
    this.screen.transport.root.addEventListener("layers", ({ detail }) => detail === "picture" && this._switched());
    connection.addEventListener("message", ({ detail }) => this._take(detail));
    connection.addEventListener("picture", ({ detail }) => this._picture(detail));
    connection.addEventListener("state", ({ detail }) => this._state(detail));
    stage.say("Waiting for the session…");
  }

  _actions() {
    const exports = menu("Export", "Download the events so far", ["csv", "jsonl"].map((kind) =>
      element("a", { href: this.connection.address(`/events.${kind}`), download: `mellm-events.${kind}` },
        `Events so far, ${kind === "csv" ? "CSV" : "JSON Lines"}`))); // prettier-ignore
    const start = (video) => () => this._record({ on: true, video });
    this.filming = element("button", { type: "button", onclick: start(true) }, element("b", {}, "And the picture"),
      element("small", {}, "Stores a video that shows the face.")); // prettier-ignore
    this.start = menu("Record", "Start recording (R: numbers and words)", [
      element("button", { type: "button", onclick: start(false) }, element("b", {}, "Numbers and words"),
        element("small", {}, "Curves, events, notes. No pixel of a face.")),
      this.filming,
    ]); // prettier-ignore
    this.start.querySelector("summary").prepend(element("i"));
    this.start.classList.add("record");
    this.stop = element("button.plain.record", { type: "button", hidden: true, onclick: () => this.toggleRecording(),
      "aria-pressed": "true" }, element("i"), "Stop recording"); // prettier-ignore
    this.screen.transport.actions.append(exports, this.start, this.stop);
  }

  async _hello(hello) {
    const { screen } = this;
    if (this.session && hello.session !== this.session) {
      this.connection.close();
      this._state({ state: "another" });
      return;
    }
    if (!this.session) screen.track.clear(hello); // what is known of this session stays when the connection was lost
    this.session = hello.session;
    this.nothing.hidden = hello.live;
    screen.root.hidden = this.health.root.hidden = !hello.live;
    if (!hello.live) return;
    screen.transport.now.hidden = this.start.hidden = false;
    screen.cards.invite("Events appear here as they happen.");
    // Of a session that is over none come, but what has come stays.
    const pictures = (screen.stage.hasPictures = hello.video || screen.frames.list.length > 0);
    this.filming.hidden = !pictures;
    if (!pictures) for (const layer of ["picture", "mesh"]) screen.transport.offer(layer, false);
    if (this._consent === null && !this.asked) await this._ask();
    else this._watch(this._consent === "video" && screen.layers.picture);
  }

  /** What was answered to the notice of this session: "video", "words", or null if it has not been. */
  get _consent() {
    return sessionStorage.getItem(`consent-${this.session}`);
  }

  /** Show the notice. One that is dismissed is no answer: it comes again when the picture is asked for. */
  async _ask() {
    this.asked = true;
    this.screen.transport.show("picture", false); // it is not, before everyone agrees
    const answer = await askConsent(this.screen.stage.hasPictures);
    if (answer) sessionStorage.setItem(`consent-${this.session}`, answer);
    this._watch(answer === "video");
  }

  /** Have pictures sent and shown, or not. */
  _watch(on) {
    if (on) this.connection.send({ do: "consent" });
    this.connection.send({ do: "video", on });
    this.screen.transport.show("picture", on);
    this.screen.stale();
  }

  /** The picture was switched on or off by hand. */
  _switched() {
    const on = this.screen.layers.picture;
    this._watch(on && this._consent === "video");
    if (on && this._consent !== "video") this._ask();
  }

  _take(message) {
    const { track } = this.screen;
    if (message.type === "hello") this._hello(message);
    else if (message.type === "motion") {
      this.arrived = performance.now();
      this._back();
      track.take(message);
    } else if (message.type === "news") for (const row of message.rows) this._take(row);
    else if (message.type === "status") this._status(message);
    else if (message.type === "recording") this._recorded(message);
    else if (message.type === "notice") toast(message.text, message.level);
    else track.take(message);
  }

  _status(status) {
    this.health.status(status);
    this.starting = status.state === "starting" || status.state === "ready" ? status.process : null;
  }

  _picture(picture) {
    this.screen.frames.push(picture);
  }

  _state({ state, reason, wait, failures }) {
    const link = document.getElementById("link");
    this.connected = state === "on";
    link.dataset.state = state === "on" ? "on" : "off";
    link.textContent = { on: "connected", refused: "refused" }[state] ?? "not connected";
    if (state === "on") banner("");
    else if (state === "another") {
      banner(`${ANOTHER} `, "warning", false,
        element("button.plain", { type: "button", onclick: () => location.reload() }, "Go to the new one")); // prettier-ignore
    } else if (state === "refused") {
      const why = !reason && this.session ? ANOTHER
        : `The server refuses this page: ${reason || "its key is not that of the session"}.`; // prettier-ignore
      banner(`${why} Open the address that mellm printed.`, "error");
    } else {
      const over = this.screen.track.ended !== null;
      banner(over ? "The session is over and its server has gone. What was seen stays here until you close this page."
        : `Connection lost${reason ? ` (${reason})` : ""}. Trying again in ${wait} s${failures > 3 ? "; does mellm still run?" : ""}`,
      over ? "warning" : "error"); // prettier-ignore
    }
  }

  /** Frames are told on the curves; what was away is said: as long as nothing comes after it, else in passing. */
  _gap({ t, cause, frames }) {
    if (frames > 0 || this.screen.track.last - t > AWAY_S) return;
    this.away = { cause, since: this.away?.since ?? performance.now() };
  }

  get _isAway() {
    return this.away !== null && performance.now() - this.away.since > 1000 * AWAY_S;
  }

  /** The curves go on. */
  _back() {
    if (this._isAway) banner("");
    else if (this.away) toast(this.away.cause, "warning");
    this.away = null;
  }

  _end({ error, t }) {
    banner(error ? `The session broke off: ${error}` : `The session ended at ${clock(t)}. Everything can still be looked at and exported.`,
      error ? "error" : "warning", true); // prettier-ignore
    this.screen.transport.now.hidden = this.start.hidden = true;
    this.screen.cards.invite("No expression was found in this session.");
  }

  /** Why what is shown as the newest moment is not now. */
  get _hindrance() {
    if (!this.connected) return "NOT CONNECTED";
    if (!this._hasBegun) return "STARTING";
    return this._isAway ? "NO SIGNAL" : "";
  }

  get _hasBegun() {
    return this.screen.track.last > 0 || this.arrived > 0;
  }

  /** What is said in place of the picture. */
  _words() {
    const { track } = this.screen;
    if (!track.hello.live) return;
    if (!this._hasBegun) return this.screen.stage.say("Starting: the camera and the models are being opened…");
    const { atNow, t } = this.screen.playhead;
    if (!atNow || track.ended) return this.screen.stage.say(t < track.first ? GONE : "");
    const seen = [...track.lanes.values()].some((lane) => track.last - lane.t[lane.t.length - 1] < AWAY_S);
    this.screen.stage.say(seen ? "" : "No face in the picture. Sit in the middle, in light, and look at the camera.");
  }

  _speak(event) {
    document.getElementById("words").textContent = event.words;
  }

  async annotate(t) {
    const text = await askNote(t);
    if (text === null) return;
    this.noting = text;
    if (!this.connection.send({ do: "annotate", t, text })) toast("Not connected: the note was not saved", "error");
  }

  /** A note has come back from where it was kept. */
  _noted({ text }) {
    if (text !== this.noting) return;
    this.noting = null;
    toast("noted");
  }

  toggleRecording() {
    this._record({ on: !this.recording?.on });
  }

  _record(order) {
    if (!this.connection.send({ do: "record", ...order })) toast("Not connected: recording cannot be started or stopped", "error");
  }

  _recorded(state) {
    const before = this.recording;
    this.recording = state;
    this.start.hidden = state.on || this.screen.track.ended !== null;
    this.stop.hidden = !state.on;
    this.stop.title = `${state.video ? "With the picture, to" : "To"} ${state.path} (R)`;
    if (!before || before.on === state.on) return;
    if (state.problem) toast(state.problem, "error");
    else if (state.on) toast(`Recording ${state.video ? "with the picture " : ""}to ${state.path}`);
    else if (state.last) toast(`Recorded: ${state.last}, see Recordings`);
    else toast("No frame came, so nothing was recorded", "warning");
  }

  tick(now) {
    this._words();
    this.screen.stage.hindrance = this._hindrance;
    if (this._isAway && this.connected && !this.screen.track.ended) {
      banner(`Camera or stage away: ${this.away.cause}`, "warning", true);
    }
    this.screen.tick(now);
    this.health.tick();
  }

  key(key, shift) {
    if (this.screen.root.hidden) return false;
    if (key === "r") this.toggleRecording();
    else return this.screen.key(key, shift);
    return true;
  }
}
