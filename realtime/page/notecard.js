// A note as a card among the events: when, and its words.

import { clock, element } from "./element.js";

/**
 * @param {{t: number, until: number|null, text: string}} note
 * @param {() => void} visit called when it is activated.
 */
export function noteCard(note, visit) {
  const when = note.until === null ? clock(note.t) : `${clock(note.t)}–${clock(note.until)}`;
  const button = element("button.card-open", { type: "button", onclick: visit, "aria-label": `Note at ${when}, show this moment` },
    element("span.kind", {}, "note"), element("time.card-when", {}, when)); // prettier-ignore
  const root = element("li.card", { "data-kind": "note" },
    element("div.card-body", {}, button, element("p.card-words", {}, note.text))); // prettier-ignore
  return { root, button, sort: "note" };
}
