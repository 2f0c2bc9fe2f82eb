// Starts the page: its places, its connection, its keyboard.

import { Analyze } from "./analyze.js";
import { Connection } from "./connection.js";
import { showKeys } from "./dialogs.js";
import { Live } from "./live.js";
import { Recordings } from "./recordings.js";
import { changeTheme, startTheme } from "./theme.js";

startTheme();
const connection = new Connection();
const places = {
  live: new Live(document.getElementById("live"), connection),
  recordings: new Recordings(document.getElementById("recordings"), connection),
  analyze: new Analyze(document.getElementById("analyze"), connection),
};
const names = ["live", "recordings", "analyze"];
let shown = "live";

/** Show the place that the address names: #live, #recordings, #recordings/2026-11-25T17-30-00, #analyze. */
function go() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const next = names.includes(name) ? name : "live";
  if (next !== shown) places[shown].leave?.();
  shown = next;
  document.body.dataset.shows = shown;
  for (const each of names) document.getElementById(each).hidden = each !== shown;
  for (const tab of document.querySelectorAll(".tabs a")) {
    if (tab.dataset.place === shown) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  places[shown]?.enter?.(decoded(rest.join("/")));
}

/** A name in the address; one that is not written as an address has it is taken as it stands. */
function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

addEventListener("hashchange", go);
addEventListener("theme", () => Object.values(places).forEach((place) => place.screen?.stale()));
document.getElementById("help").addEventListener("click", showKeys);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // its address would name no place
  document.getElementById("place").focus();
});

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const field = event.target.closest("input:not([type=range]), textarea, select");
  const pressed = event.key === " " && event.target.closest("button, a, summary");
  if (field || pressed) return;
  const key = event.key.toLowerCase();
  if (key === "?") showKeys();
  else if (key === "t") changeTheme();
  else if (["1", "2", "3"].includes(key)) location.hash = names[Number(key) - 1];
  else if (!places[shown]?.key?.(key, event.shiftKey)) return;
  event.preventDefault();
});

function frame(now) {
  places[shown]?.tick?.(now);
  requestAnimationFrame(frame);
}

go();
connection.open();
requestAnimationFrame(frame);
