// Dark and light: as the system has it, until it is chosen here.

const dark = matchMedia("(prefers-color-scheme: dark)");

function present() {
  return localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
}

function apply() {
  document.documentElement.dataset.theme = present();
  const button = document.getElementById("theme");
  if (button) button.dataset.shows = present();
  dispatchEvent(new Event("theme"));
}

/** Change from dark to light or back. */
export function changeTheme() {
  localStorage.setItem("theme", present() === "dark" ? "light" : "dark");
  apply();
}

/** Heed the system and the button. */
export function startTheme() {
  dark.addEventListener("change", apply);
  document.getElementById("theme").addEventListener("click", changeTheme);
  apply();
}
