// Short notices in the corner that go by themselves, and the banner for what lasts.

import { element } from "./element.js";

const STAYS_MS = { info: 2500, warning: 6000, error: 8000 };

/** Say something for a moment. */
export function toast(words, level = "info") {
  const shown = element("p.toast", { "data-level": level }, words);
  document.getElementById("toasts").append(shown);
  setTimeout(() => shown.remove(), STAYS_MS[level] ?? 4000);
}

/**
 * Say something until it is no longer true: banner("") takes it away.
 * @param {string} words
 * @param {"warning"|"error"} level
 * @param {boolean} here whether it is said on the Live page alone.
 * @param {...Node} more what can be done about it.
 */
export function banner(words, level = "warning", here = false, ...more) {
  const shown = document.getElementById("banner");
  if (shown.textContent !== words) shown.replaceChildren(words, ...more);
  shown.dataset.level = level;
  shown.toggleAttribute("data-here", here);
  shown.hidden = !words;
}
