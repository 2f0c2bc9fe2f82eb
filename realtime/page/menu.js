// A button that opens a short list of things to do.

import { element } from "./element.js";

/**
 * @param {string} title on the button.
 * @param {string} hint what it is for.
 * @param {HTMLElement[]} entries links and buttons; the list closes when one is used.
 */
export function menu(title, hint, entries) {
  const stay = (event) => event.preventDefault(); // Safari gives a pressed button no focus: the list would lose it and close
  const root = element("details.menu", {}, element("summary.plain", { title: hint }, title),
    element("div.menu-list", { onmousedown: stay }, ...entries)); // prettier-ignore
  const close = () => root.removeAttribute("open");
  root.addEventListener("click", (event) => event.target.closest(".menu-list a, .menu-list button") && close());
  root.addEventListener("focusout", (event) => root.contains(event.relatedTarget) || close());
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    close();
    root.querySelector("summary").focus();
  });
  return root;
}
