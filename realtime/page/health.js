// The strip below: is it running well, how late is it, what measures, how small a movement can be seen.

import { counted, element, percent } from "./element.js";

const NAMES = { capture: "Camera", align: "Face", perceive: "Flow", narrate: "Words" };

const TITLES = {
  Sensitivity: "Smallest movement that is found nine times in ten, measured by mellm calibrate",
  Threshold: "Smallest movement that opens an event; how small a one is really found here is measured by mellm calibrate",
  Engine: "What measures the optical flow",
}; // prettier-ignore

export class Health {
  /** @param {import("./track.js").Track} track */
  constructor(track) {
    this.track = track;
    this.stages = new Map();
    this.drops = new Map();
    this.list = element("ul.health-stages");
    this.facts = element("ul.health-facts");
    this.root = element("footer.health", { "aria-label": "Health" }, this.list, this.facts);
    track.addEventListener("clear", () => this.clear());
  }

  clear() {
    this.stages.clear();
    this.drops.clear();
    this.list.replaceChildren();
  }

  /** Take in how a process is doing. */
  status(status) {
    let item = this.stages.get(status.process);
    if (!item) {
      item = element("li.health-stage", {}, element("span.dot"), element("b", {}, NAMES[status.process] ?? status.process),
        element("span.number"), element("span.number.quiet")); // prettier-ignore
      this.stages.set(status.process, item);
      const order = Object.keys(NAMES);
      const sorted = [...this.stages].sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
      this.list.replaceChildren(...sorted.map(([, each]) => each));
    }
    const running = status.state === "running";
    const skips = status.drops > (this.drops.get(status.process) ?? status.drops); // they are counted from the beginning
    this.drops.set(status.process, status.drops);
    item.dataset.state = status.state === "failed" || status.state === "crashed" ? "bad" : skips ? "warn" : "good";
    item.children[2].textContent = running
      ? status.process === "narrate" ? `${status.handled} told` : `${status.fps.toFixed(0)} fps` : status.state; // prettier-ignore
    item.children[3].textContent = status.handled && status.process !== "narrate"
      ? `${status.p50_ms.toFixed(0)} / ${status.p95_ms.toFixed(0)} ms` + (status.drops ? ` · ${status.drops} skipped` : "")
      : ""; // prettier-ignore
    item.title = `${status.process}: ${status.handled} done, ${status.drops} skipped, ${status.queue} waiting, ` +
      `latency from capture ${status.p50_ms} ms (median), ${status.p95_ms} ms (95 of 100), ${counted(status.restarts, "restart")}` +
      (status.detail ? `; ${status.detail}` : ""); // prettier-ignore
  }

  tick() {
    const { hello, lanes, present } = this.track;
    const shown = [...lanes.values()].filter((lane) => present.has(lane.id) && lane.last);
    const facts = [];
    const engine = shown[0]?.last.engine;
    if (engine) facts.push(["Engine", engine]);
    const { calibration } = hello;
    facts.push(["Calibration", calibration ? calibration.made.slice(0, 10) : "none"]);
    if (calibration?.sensitivity) facts.push(["Sensitivity", percent(calibration.sensitivity, 2)]);
    else facts.push(["Threshold", percent(hello.threshold, 2)]);
    const key = JSON.stringify(facts);
    if (key === this._key) return;
    this._key = key;
    this.facts.replaceChildren(...facts.map(([name, value]) =>
      element("li", { title: TITLES[name] ?? "" },
      element("span.quiet", {}, name), element("span.number", {}, value)))); // prettier-ignore
  }
}
