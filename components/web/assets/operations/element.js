/** Making elements. Text is always text: nothing that comes from outside is read as HTML. */

/**
 * @param {string} name the element's name, with classes: `p.quiet`
 * @param {object} [attributes] `on` holds listeners, `data` the dataset; what is false, null or undefined is left out
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (key === "data") Object.assign(element.dataset, value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

/** A list of pairs: what, and how it is. Pairs without a second half are left out. */
export function pairs(...entries) {
  const shown = entries.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return el("dl.pairs", {}, shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** A state, as a word with a colour of its own. */
export function badge(state, text = state) {
  return el("span.badge", { data: { state } }, text);
}

/** A long code of which the beginning is enough to read; the whole is in its title, and is what is copied. */
export function code(text, shown = 19) {
  const whole = String(text ?? "");
  return el("code", { title: whole }, whole.length > shown ? `${whole.slice(0, shown)}…` : whole);
}
