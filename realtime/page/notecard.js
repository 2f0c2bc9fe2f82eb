// A note or a remark as a card among the events: when, and its words.

import { clock, element } from "./element.js";

/**
 * @param {"note"|"remark"} sort whether the operator made it, or it is about the source or the narrator.
 * @param {{t: number, until?: number|null, text: string}} note
 * @param {() => void} visit called when it is activated.
 */
export function noteCard(sort, note, visit) {
  const when = (note.until ?? null) === null ? clock(note.t) : `${clock(note.t)}–${clock(note.until)}`;
  const name = { note: "Note", remark: "Remark" }[sort];
  const button = element("button.card-open", { type: "button", onclick: visit, "aria-label": `${name} at ${when}, show this moment` },
    element("span.kind", {}, sort), element("time.card-when", {}, when)); // prettier-ignore
  const root = element("li.card", { "data-kind": sort },
    element("div.card-body", {}, button, element("p.card-words", {}, note.text))); // prettier-ignore
  return { root, button, sort };
}
