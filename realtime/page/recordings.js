// The place where recordings are listed, scrubbed, annotated and exported.

import { Clip } from "./clip.js";
import { askNote } from "./dialogs.js";
import { clock, counted, element } from "./element.js";
import { menu } from "./menu.js";
import { Screen } from "./screen.js";
import { toast } from "./toasts.js";

const NONE = 404; // the server's answer where there is no such recording

export class Recordings {
  /**
   * @param {HTMLElement} root
   * @param {import("./connection.js").Connection} connection
   */
  constructor(root, connection) {
    this.connection = connection;
    this.name = ""; // of the recording that is shown
    this.wanted = ""; // of the one that was asked for last
    this.unseen = ""; // what is said of a moment without a face
    this.whole = false; // whether there is no more of that one than what was read
    this.opening = new AbortController();
    this.listing = new AbortController();
    this.listed = false; // whether the list was asked for since the place was entered
    this.formats = [];
    this.filter = element("input", { type: "search", placeholder: "Filter…", "aria-label": "Filter the recordings",
      oninput: () => this._list() }); // prettier-ignore
    this.list = element("ol.sessions", { "aria-label": "Recordings, the newest first" });
    this.where = element("p.sessions-where.quiet");
    this.unread = element("details.sessions-where.quiet", { hidden: true });
    this.screen = new Screen(false, { annotate: (t) => this.annotate(t) });
    this.title = element("h1.session-title");
    this.source = element("p.session-source.quiet");
    this.facts = element("p.quiet.number");
    this.speed = element("button.plain.number", { type: "button", title: "Speed of playing", textContent: "1×",
      onclick: () => this._faster() }); // prettier-ignore
    this.screen.transport.actions.prepend(this.speed);
    this.empty = element("div.nothing");
    this._invite("No recording chosen");
    this.shown = element("div.session", { hidden: true },
      element("header.session-head", {}, this.title, this.source, this.facts), this.screen.root); // prettier-ignore
    root.append(element("div.split", {},
      element("aside.sidebar.panel", { "aria-label": "Recordings" }, this.filter, this.list, this.unread, this.where),
      element("div.split-main", {}, this.empty, this.shown))); // prettier-ignore
    this.sessions = [];
  }

  /** Show the place, and the recording that its address names. */
  enter(name) {
    if (!name || !this.listed) this.refresh(); // not when one is chosen in it
    if (!name && !this.name) this._invite("No recording chosen");
    if (name && (name !== this.wanted || !this.whole)) this.open(name);
  }

  /** Say that no recording is shown, and where there are some. */
  _invite(title, ...why) {
    this.empty.replaceChildren(element("h1", {}, title), ...why,
      element("p", {}, "Choose one from the list. Record on the Live page, or with ",
        element("code", {}, "mellm live 0 --record sessions"), "; videos that were analysed are here too.")); // prettier-ignore
  }

  leave() {
    this.listed = false;
    this.screen.playhead.pause();
    this.screen.stage.clip?.video.pause();
  }

  async refresh() {
    this.listing.abort();
    this.listing = new AbortController();
    this.listed = true;
    const { signal } = this.listing;
    const answer = await fetch(this.connection.address("/recordings"), { signal }).catch(() => null);
    const listed = answer?.ok ? await answer.json().catch(() => null) : null;
    if (signal.aborted) return;
    if (!listed) {
      this.listed = false;
      this.where.textContent = answer?.status === 404 ? "This page was started without a folder of recordings."
        : "Not connected: the list cannot be read."; // prettier-ignore
      return;
    }
    const { sessions, unreadable, folder, formats } = listed;
    const known = this.formats.length > 0;
    [this.sessions, this.formats] = [sessions, formats];
    const short = folder.split("/").filter(Boolean).pop() ?? folder;
    this.where.textContent = sessions.length ? `in the folder ${short}` : `No recordings in ${folder} yet.`;
    this.where.title = folder;
    this.unread.replaceChildren(...(unreadable.length ? [element("summary", {}, `${unreadable.length} cannot be read`),
      ...unreadable.map((why) => element("p", {}, why))] : [])); // prettier-ignore
    this.unread.hidden = !unreadable.length;
    this._list();
    if (!known) this._exports(); // a menu that is there may be open
  }

  _list() {
    const wanted = this.filter.value.trim().toLowerCase();
    const items = this.sessions.filter((s) => `${s.name} ${s.title} ${s.source}`.toLowerCase().includes(wanted)).map((s) => {
      const found = [[s.micro, "micro"], [s.macro, "macro"], [s.speech, "speech"]].filter(([n]) => n);
      const link = element("a.session-item", { href: `#recordings/${encodeURIComponent(s.name)}` },
        element("b", {}, when(s.started)), element("span.quiet", { title: s.source }, s.title),
        element("span.session-facts.number.quiet", {}, `${clock(s.duration, 0)} `,
          ...found.map(([n, kind]) => element("span.badge", { "data-kind": kind }, `${n} ${kind}`)),
          s.video ? element("span.badge", {}, "video") : null,
          s.complete ? null : element("span.badge", { title: "Cut off, or still being recorded" }, "unfinished"))); // prettier-ignore
      link.addEventListener("click", () => link.hash === location.hash && this.enter(s.name)); // the address will not change
      if (s.name === this.name) link.setAttribute("aria-current", "true");
      return element("li", {}, link);
    });
    if (this.sessions.length && !items.length) items.push(element("li.empty", {}, "None of them fits the filter."));
    const focused = this.list.contains(document.activeElement) ? document.activeElement.hash : null;
    this.list.replaceChildren(...items);
    items.find((item) => item.firstChild.hash === focused)?.firstChild.focus({ preventScroll: true });
  }

  _exports() {
    this.exports?.remove();
    this.exports = menu("Export", "Download this recording in another form", this.formats.map(({ kind, what }) =>
      element("a", { href: this.connection.address(`/recordings/${encodeURIComponent(this.name)}/export/${kind}`),
        download: "", "data-kind": kind }, element("b", {}, kind.toUpperCase()), element("small", {}, what)))); // prettier-ignore
    this.screen.transport.actions.append(this.exports);
  }

  /** Read a recording, and no longer the one that was asked for before. */
  async open(name) {
    this.opening.abort();
    this.opening = new AbortController();
    const { signal } = this.opening;
    [this.wanted, this.whole] = [name, false];
    try {
      this.whole = await this._read(name, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error.cause === NONE) this._none(error.message);
      else toast(error.message, "error");
    }
  }

  /** Show none: the one that was asked for is not there, or is no recording. */
  _none(why) {
    this.leave();
    this.name = "";
    this.shown.hidden = true;
    this.empty.hidden = false;
    this._invite("This recording cannot be shown", element("p", {}, why));
    this._list();
  }

  /** The server's answer; an error says why it cannot be had. */
  async _fetch(path, signal) {
    const answer = await fetch(this.connection.address(path), { signal }).catch(() => null);
    signal.throwIfAborted();
    if (!answer?.ok) throw new Error(answer ? await answer.text() : "Not connected", { cause: answer?.status });
    return answer;
  }

  /** The messages of a recording, as they come: an hour's take a while. */
  async *_messages(path, signal) {
    const { body } = await this._fetch(`${path}/script`, signal);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const lines = (rest + piece.value).split("\n");
      rest = lines.pop();
      for (const line of lines) yield JSON.parse(line);
    }
  }

  async _read(name, signal) {
    const { screen } = this;
    const path = `/recordings/${encodeURIComponent(name)}`;
    const { info, hello } = await (await this._fetch(path, signal)).json();
    const t = this.name === name ? screen.playhead.t : 0;
    [this.name, this.unseen] = [name, "Reading…"];
    this.title.textContent = when(info.started);
    this.source.textContent = info.title;
    this.source.title = info.source;
    this.facts.textContent = [clock(info.duration, 1), `${info.fps.toFixed(0)} fps`, counted(info.frames, "frame"),
      info.drops ? `${info.drops} skipped` : null, info.engine, `${(info.bytes / 1e6).toFixed(1)} MB`]
      .filter(Boolean).join(" · "); // prettier-ignore
    this.empty.hidden = true;
    this.shown.hidden = false;
    this.sessions = this.sessions.map((listed) => (listed.name === name ? info : listed)); // it may have gone on meanwhile
    this._list();
    this._exports();
    screen.playhead.pause();
    screen.curves.end = undefined;
    screen.curves.chosen = null;
    screen.track.clear(hello);
    // Its length is known, so it can be scrubbed while it is still being read.
    [screen.track.first, screen.track.last] = [0, Math.max(info.duration - 1 / (info.fps || 30), 0)];
    screen.playhead.seek(t);
    screen.curves.span(Math.min(Math.max(info.duration, 5), 30));
    screen.cards.invite("Reading…");
    this._clip(path, info, signal);
    try {
      for await (const message of this._messages(path, signal)) screen.track.take(message);
    } catch (error) {
      if (!signal.aborted) {
        this.unseen = "";
        screen.cards.invite("This recording could not be read.");
      }
      throw error;
    }
    screen.cards.invite("No expression was found in this recording.");
    screen.stale();
    this.unseen = "No face was seen at this moment.";
    return info.complete;
  }

  /** The video with its meshes, or the drawn face. */
  _clip(path, info, signal) {
    const { stage, transport } = this.screen;
    stage.clip?.close();
    stage.clip = null;
    stage.say("");
    transport.offer("picture", info.video);
    transport.offer("mesh", info.video);
    if (!info.video) return;
    const clip = new Clip(this.connection.address(`${path}/video`));
    clip.onframe = () => (stage.canvas.stale = true);
    clip.load(this.connection.address(`${path}/faces`), signal);
    stage.clip = clip;
    stage.root.append(clip.video);
  }

  _faster() {
    const { playhead } = this.screen;
    playhead.speed = { 1: 0.5, 0.5: 0.25, 0.25: 2, 2: 1 }[playhead.speed];
    this.speed.textContent = `${playhead.speed}×`.replace("0.25", "¼").replace("0.5", "½");
  }

  async annotate(t) {
    const { name } = this;
    if (!name) return;
    const text = await askNote(t);
    if (text === null) return;
    const answer = await fetch(this.connection.address(`/recordings/${encodeURIComponent(name)}/notes`),
      { method: "POST", body: JSON.stringify({ t, text }) }).catch(() => null); // prettier-ignore
    if (answer?.ok) {
      const note = await answer.json();
      if (this.name === name) this.screen.track.take(note);
      toast("noted");
    } else toast(answer ? await answer.text() : "Not connected: the note was not saved", "error");
  }

  tick(now) {
    if (!this.name) return;
    const { stage, track, playhead } = this.screen;
    if (!stage.clip) stage.say(track.seen(playhead.t) ? "" : this.unseen);
    this.screen.tick(now);
  }

  key(key, shift) {
    return this.name ? this.screen.key(key, shift) : false;
  }
}

function when(started) {
  return new Date(started).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
