// What is asked and explained in a dialog: consent, a note on a moment, the keyboard.

import { clock, element } from "./element.js";

/** Show a dialog; resolves with the value of the button it was closed with, "" if it was dismissed. */
function ask(className, ...children) {
  const form = element("form", { method: "dialog" }, ...children);
  const dialog = element(`dialog.${className}`, {}, form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close(event.submitter?.value ?? "");
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/**
 * The consent notice: nothing of the picture is sent before it is confirmed.
 * @returns {Promise<"video"|"words"|"">} what may be shown; nothing if it was dismissed.
 */
export function askConsent(hasVideo) {
  return ask("consent",
    element("h1", {}, "Before you look at a face"),
    element("p", {}, "This instrument measures movements of faces that their owners may not notice themselves. Use it only ",
      element("b", {}, "with the consent of everyone in the picture"), "."),
    element("ul.points", {},
      element("li", {}, "What a face shows is not what a person feels. A class says what annotators have called such movements, no more."),
      element("li", {}, "In the EU, inferring emotions at work and in schools is forbidden, save for medical and safety reasons (AI Act, Article 5(1)(f))."),
      element("li", {}, hasVideo ? "The picture stays in this machine’s memory and in this page." : "No picture comes to this page.",
        " Nothing that shows a face is stored unless you ask for it.")),
    element("div.dialog-buttons", {},
      hasVideo ? element("button.plain", { value: "words" }, "Curves and words only") : null,
      element("button.primary", { value: hasVideo ? "video" : "words", autofocus: true },
        hasVideo ? "Everyone agrees: show the picture" : "Everyone agrees")),
  ); // prettier-ignore
}

/** Words for a moment; null if there are to be none. */
export async function askNote(t) {
  const field = element("textarea", { rows: 3, maxLength: 2000, required: true, autofocus: true, id: "note-words" });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      field.form.requestSubmit(field.form.querySelector("[value=save]"));
    }
  });
  const answer = await ask("note",
    element("h1", {}, `Annotate ${clock(t)}`),
    element("label.unseen", { for: "note-words" }, "Note"), field,
    element("div.dialog-buttons", {},
      element("button.plain", { value: "", formNoValidate: true }, "Cancel"),
      element("button.primary", { value: "save" }, "Save"))); // prettier-ignore
  return answer === "save" && field.value.trim() ? field.value.trim() : null;
}

const KEYS = [
  ["Space", "pause and go on"], ["Esc", "end the replay of an event"], ["L", "go live: the newest moment"], ["← →", "a frame back and on; with Shift a second"],
  ["[ ]", "the event before and after"], ["+ −", "less and more time in the curves"], ["A", "annotate the moment shown"],
  ["R", "start and stop recording"], ["P M G F", "picture, mesh, regions, flow"], ["1 2 3", "Live, Recordings, Analyze"],
  ["T", "dark and light"], ["?", "this help"],
]; // prettier-ignore

/** The keyboard's help. */
export function showKeys() {
  const rows = KEYS.map(([keys, does]) =>
    element("div", {}, element("dt", {}, ...keys.split(" ").map((key) => element("kbd", {}, key))), element("dd", {}, does)));
  ask("keys", element("h1", {}, "Keyboard"), element("dl.key-list", {}, ...rows),
    element("div.dialog-buttons", {}, element("button.primary", { value: "" }, "Close"))); // prettier-ignore
}
