// Pause, scrub, go live; the layers of the picture; marking a moment.

import { clock, element } from "./element.js";

const LAYERS = [["picture", "Picture", "P"], ["mesh", "Mesh", "M"], ["regions", "Regions", "G"], ["flow", "Flow", "F"]]; // prettier-ignore

export class Transport {
  /**
   * @param {import("./track.js").Track} track
   * @param {import("./playhead.js").Playhead} playhead
   * @param {object} layers what the picture shows; changed here.
   * @param {{annotate: () => void}} does what the buttons do that is not done here.
   */
  constructor(track, playhead, layers, does) {
    Object.assign(this, { track, playhead, layers });
    this.play = element("button.round", { type: "button", ariaLabel: "Play (space)",
      onclick: () => playhead.toggle() }); // prettier-ignore
    this.now = element("button.go-live", { type: "button", onclick: () => playhead.follow(),
      title: "Show the newest moment (L)", hidden: !playhead.live }, "Go live"); // prettier-ignore
    this.again = element("button.plain", { type: "button", hidden: true, onclick: () => playhead.pause(),
      title: "Stay at this moment (Esc)" }, "Stop the replay"); // prettier-ignore
    this.time = element("output.transport-time", { "aria-live": "off" }); // it runs: nobody wants it read out
    this.slider = element("input.scrub", { type: "range", min: 0, max: 1, step: 0.001, value: 1, "aria-label": "Scrub",
      oninput: () => this._scrub(), onpointerdown: () => (this.held = true) }); // prettier-ignore
    for (const what of ["pointerup", "pointercancel"]) addEventListener(what, () => (this.held = false));
    this.chips = element("div.chips", { role: "group", "aria-label": "Layers of the picture" });
    for (const [name, title, key] of LAYERS) {
      const chip = element("button.chip", { type: "button", textContent: title, title: `${title} (${key})`,
        onclick: () => this.toggle(name) }); // prettier-ignore
      chip.dataset.layer = name;
      this.chips.append(chip);
    }
    this.actions = element("div.actions", {},
      element("button.plain", { type: "button", onclick: does.annotate, title: "Mark this moment (A)" }, "Annotate")); // prettier-ignore
    this.root = element("section.transport.panel", { "aria-label": "Time and layers" },
      this.play, this.now, this.again, this.time, this.slider, this.chips, this.actions); // prettier-ignore
    this._chips();
  }

  toggle(name) {
    if (this.chips.querySelector(`[data-layer=${name}]`).hidden) return;
    this.show(name, !this.layers[name]);
    this.root.dispatchEvent(new CustomEvent("layers", { detail: name }));
  }

  /** Show a layer or not. */
  show(name, is) {
    this.layers[name] = is;
    this._chips();
  }

  /** Offer a layer, or leave it out where there is nothing of it. */
  offer(name, is) {
    const chip = this.chips.querySelector(`[data-layer=${name}]`);
    if (chip.hidden === !is) return;
    chip.hidden = !is;
    this.show(name, is);
  }

  _chips() {
    for (const chip of this.chips.children) chip.setAttribute("aria-pressed", String(this.layers[chip.dataset.layer]));
  }

  _scrub() {
    const { playhead, track } = this;
    playhead.seek(playhead.first + Number(this.slider.value) * (track.last - playhead.first));
  }

  tick() {
    const { playhead, track } = this;
    const span = track.last - playhead.first;
    if (!this.held) {
      this.slider.value = span > 0 ? (playhead.t - playhead.first) / span : 1;
    }
    this.slider.style.setProperty("--at", `${100 * Number(this.slider.value)}%`);
    const words = playhead.live && !track.ended
      ? playhead.atNow ? clock(playhead.t, 1) : `−${clock(track.last - playhead.t, 1)}`
      : `${clock(playhead.t, 1)} / ${clock(track.last, 1)}`; // prettier-ignore
    if (this.time.textContent !== words) {
      this.time.textContent = words;
      this.slider.setAttribute("aria-valuetext", words);
    }
    const state = playhead.running ? "pause" : "play";
    if (this.play.dataset.state !== state) {
      this.play.dataset.state = state;
      this.play.title = this.play.ariaLabel = playhead.running ? "Pause (space)" : "Play (space)";
    }
    this.now.disabled = playhead.atNow;
    this.again.hidden = playhead.loop === null;
  }
}
