// The events as cards: what it was, when, which action units, what such movements have meant, the words; notes and remarks
// among them.

import { clock, element, percent } from "./element.js";
import { noteCard } from "./notecard.js";

const LABELS = {
  negative: "annotated as negative", positive: "annotated as positive", surprise: "annotated as surprise",
  none: "no class",
}; // prettier-ignore

/** What can be left out of the list, as people call it. */
const SORTS = { micro: "micro", macro: "macro", speech: "speech", revoked: "taken back", note: "noted", remark: "remarked" };

/** Those that are no events. */
const BESIDE = ["note", "remark"];

/** Which of them an event is; one that has not closed is none. */
function sortOf({ phase, kind }) {
  return phase === "revoked" ? phase : (kind ?? phase);
}

/** What kind of event it is, for people. */
export function kindOf(spot) {
  if (spot.phase === "revoked") return "taken back";
  if (spot.kind) return spot.kind;
  return spot.phase === "apex" ? "at its apex" : "rising";
}

export class Cards {
  /**
   * @param {import("./track.js").Track} track
   * @param {(id: number) => void} choose called when an event's card is activated.
   * @param {(note: object) => void} visit called when a note's or a remark's is.
   * @param {boolean} live whether words type themselves in.
   */
  constructor(track, choose, visit, live) {
    Object.assign(this, { track, choose, visit, live });
    this.list = element("ol.card-list", { "aria-label": `Events and notes${live ? ", the newest first" : " in order"}` });
    this.empty = element("p.empty", {}, "");
    this.chips = element("div.chips", { role: "group", "aria-label": "What is listed" },
      ...Object.keys(SORTS).map((sort) => element("button.chip", { type: "button", "data-sort": sort,
        onclick: () => this._switch(sort) }))); // prettier-ignore
    this.left = new Set(["revoked"]); // out of the list
    this.summary = element("article.card.card-summary", { hidden: true });
    this.root = element("section.cards.panel", { "aria-label": "Events" },
      element("header.panel-head", {}, element("h2", {}, "Events"), this.chips), this.empty,
      element("div.card-scroll", { tabIndex: -1 }, this.summary, this.list)); // prettier-ignore
    this.cards = new Map(); // by the event's number, or the note
    track.addEventListener("clear", () => this.clear());
    track.addEventListener("event", ({ detail }) => this.show(detail));
    for (const sort of BESIDE) track.addEventListener(sort, ({ detail }) => this._note(sort, detail));
    track.addEventListener("lanes", () => track.events.forEach((event) => this.show(event))); // their face has a number now
    track.addEventListener("summary", () => this._summary());
    this.invite("Events appear here as they happen.");
  }

  clear() {
    this.list.replaceChildren();
    this.cards.clear();
    this.summary.hidden = true;
    this._counted();
  }

  /** What is said while no events are listed. */
  invite(words) {
    this.empty.textContent = words;
    this._counted();
  }

  /** Mark a card as the chosen one. */
  mark(id, scroll = true) {
    for (const [other, card] of this.cards) {
      card.root.toggleAttribute("data-chosen", other === id);
      card.button.ariaCurrent = String(other === id);
    }
    if (scroll) this.cards.get(id)?.root.scrollIntoView({ block: "nearest" });
  }

  /** List a sort of events, or leave it out. */
  _switch(sort) {
    if (!this.left.delete(sort)) this.left.add(sort);
    for (const card of this.cards.values()) this._sift(card);
    this._counted();
  }

  _sift(card) {
    card.root.hidden = this.left.has(card.sort);
  }

  _counted() {
    const sorts = [...this.cards.values()].map((card) => card.sort);
    for (const chip of this.chips.children) {
      const { sort } = chip.dataset;
      const many = sorts.filter((each) => each === sort).length;
      chip.textContent = `${many} ${SORTS[sort]}`;
      chip.hidden = !many;
      chip.setAttribute("aria-pressed", String(!this.left.has(sort)));
    }
    this.empty.hidden = sorts.some((sort) => !BESIDE.includes(sort) && !this.left.has(sort));
  }

  _summary() {
    const { summary } = this.track;
    if (!summary) return;
    this.summary.hidden = false;
    this.summary.replaceChildren(element("h3", {}, "Summary of the session"), element("p.card-words", {}, summary.text));
  }

  /** Make or renew an event's card. */
  show(event) {
    if (!event.spot) return;
    let card = this.cards.get(event.id);
    if (!card) {
      card = this._make(event);
      this._add(event.id, card, event.spot.onset, () => this.choose(event.id));
    }
    this._fill(card, event);
    this._counted();
  }

  _note(sort, note) {
    const card = noteCard(sort, note, () => this.visit(note));
    this._add(note, card, note.t, () => this.visit(note));
    this._sift(card);
    this._counted();
  }

  /** List a card at its time; `press` is called when it is clicked beside its button. */
  _add(key, card, t, press) {
    this.cards.set(key, card);
    card.root.dataset.t = t;
    const listed = [...this.list.children];
    const isBefore = ({ dataset }) => Number(dataset.t) <= t;
    const next = this.live ? listed.find(isBefore) : listed[listed.findLastIndex(isBefore) + 1];
    this.list.insertBefore(card.root, next ?? null);
    card.root.addEventListener("click", (click) => {
      if (!click.target.closest("button") && !getSelection().toString()) press();
    });
  }

  _make(event) {
    const card = {
      sketch: element("img.card-sketch", { alt: "", hidden: true }),
      kind: element("span.kind"), when: element("time.card-when"), long: element("span.number.quiet"),
      sure: element("span.sure"), units: element("p.card-units"), regions: element("p.card-regions.quiet"),
      words: element("p.card-words"),
    }; // prettier-ignore
    const button = element("button.card-open", { type: "button", onclick: () => this.choose(event.id) },
      card.kind, card.when, card.long, card.sure); // prettier-ignore
    card.root = element("li.card", { "data-id": String(event.id) },
      element("span.card-frame", {}, card.sketch),
      element("div.card-body", {}, button, card.units, card.words, card.regions)); // prettier-ignore
    card.button = button;
    return card;
  }

  _fill(card, event) {
    const { spot, said } = event;
    const kind = kindOf(spot);
    card.sort = sortOf(spot);
    this._sift(card);
    card.root.dataset.kind = spot.kind ?? "open";
    card.root.dataset.phase = spot.phase;
    card.kind.textContent = spot.phase === "closed" && kind !== "speech" ? `${kind}-expression` : kind;
    card.when.textContent = clock(spot.apex ?? spot.onset);
    const cut = spot.cut_off ? ", cut off" : "";
    card.long.textContent = spot.offset === null ? "" : `${Math.round(1000 * (spot.offset - spot.onset))} ms${cut}`;
    card.sure.textContent = `${Math.min(Math.round(100 * spot.confidence), 99)} % sure`;
    card.sure.hidden = spot.phase === "revoked";
    card.button.title = `onset ${clock(spot.onset, 3)}, apex ${spot.apex === null ? "–" : clock(spot.apex, 3)}, ` +
      `offset ${spot.offset === null ? "–" : clock(spot.offset, 3)}`; // prettier-ignore
    const does = spot.phase === "closed" ? "show it again and again" : "show its apex";
    card.button.setAttribute("aria-label", `${card.kind.textContent} at ${card.when.textContent}, ${does}`);
    if (spot.sketch && card.sketch.hidden) {
      card.sketch.src = `data:image/png;base64,${spot.sketch}`;
      card.sketch.alt = "Expression flow from onset to apex: colour is direction";
      card.sketch.hidden = false;
    }
    const units = said?.units.map((code) => this._unit(code)) ?? [];
    if (said && said.label !== "none") {
      units.push(element("span.label", { "data-label": said.label,
        title: "What annotators of published micro-expressions called such movements; not what the person feels" },
      `${LABELS[said.label]} ${Math.round(100 * said.confidence)} %`)); // prettier-ignore
    }
    card.units.replaceChildren(...units);
    card.units.hidden = !units.length;
    const strongest = spot.regions.filter((region) => region.mean >= this.track.hello.threshold).slice(0, 3);
    const moved = spot.phase === "closed" ? strongest.map((r) => `${r.name} ${arrow(r.direction)} ${percent(r.mean)}`) : [];
    card.regions.textContent = [...(this.track.faces > 1 ? [`Face ${spot.face}`] : []), ...moved].join(" · ");
    card.regions.hidden = !card.regions.textContent;
    this._type(card, event.words);
  }

  _unit(code) {
    const name = this.track.hello.units[code.replace(/^[LR](?=AU)/, "")] ?? "";
    const side = code.startsWith("L") ? "left " : code.startsWith("R") ? "right " : "";
    return element("span.unit", {}, element("b", {}, code), ` ${side}${name}`);
  }

  /** Let the words appear letter by letter, fast enough to keep up. */
  _type(card, words) {
    card.wanted = words;
    if (!this.live || matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden) {
      card.words.textContent = words;
      return;
    }
    const shown = card.words.textContent;
    if (!words.startsWith(shown)) card.words.textContent = common(shown, words);
    if (card.typing) return;
    card.typing = true;
    const step = () => {
      const now = card.words.textContent;
      const left = card.wanted.length - now.length;
      if (left <= 0 || !card.wanted.startsWith(now)) {
        card.typing = false;
        card.words.textContent = card.wanted;
        return;
      }
      card.words.textContent = card.wanted.slice(0, now.length + Math.max(2, Math.ceil(left / 24)));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }
}

const ARROWS = { right: "→", "up-right": "↗", up: "↑", "up-left": "↖", left: "←", "down-left": "↙", down: "↓", "down-right": "↘", unclear: "·" }; // prettier-ignore

function arrow(direction) {
  return ARROWS[direction] ?? "·";
}

function common(a, b) {
  let k = 0;
  while (k < a.length && a[k] === b[k]) k++;
  return b.slice(0, k);
}
