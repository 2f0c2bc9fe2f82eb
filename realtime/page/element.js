// Makes elements of the page.

/**
 * An element with its properties, attributes and children.
 * @param {string} tag its name, with classes after dots: "span.chip".
 * @param {object} [traits] properties; a name with a dash, "role" or "for" is an attribute; "on…" listens.
 * @param {...(Node|string|null|undefined)} children what is in it; null and undefined are left out.
 */
export function element(tag, traits = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(traits)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role" || key === "for") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Seconds as 1:02.34, or with `digits` other places behind the point; −0:01.20 is before a recording began. */
export function clock(seconds, digits = 2) {
  const shown = Number(Math.abs(seconds).toFixed(digits)); // rounded first: 59.96 s are 1:00.0
  const minutes = Math.floor(shown / 60);
  const rest = (shown - 60 * minutes).toFixed(digits);
  return `${seconds < 0 && shown ? "−" : ""}${minutes}:${rest.padStart(digits ? 3 + digits : 2, "0")}`;
}

/** A number and its noun: 1 frame, 2 frames. */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A share of the eye distance as people read it, on one line: 1.2 %. */
export function percent(iod, digits = 1) {
  return `${(100 * iod).toFixed(digits)}\u00a0%`;
}
