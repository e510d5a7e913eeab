/** Forms, and buttons that do something: while it is being done they wait, and what went wrong stands beside them. */

import { el } from "./element.js";

/**
 * A button with its own place for what went wrong.
 *
 * @param {string} label
 * @param {() => Promise<void>} act
 * @param {{kind?: string, disabled?: boolean}} [look]
 */
export function action(label, act, { kind = "", disabled = false } = {}) {
  const trouble = el("p.form-trouble", { role: "alert", hidden: true });
  const button = el(`button${kind && `.${kind}`}`, { type: "button", disabled }, label);
  button.addEventListener("click", () => attempt(button, trouble, act));
  return el("div.action", {}, button, trouble);
}

/**
 * A form that is sent once, with a heading.
 *
 * @param {{title: string, submit: string, kind?: string, note?: string}} texts
 * @param {Node[]} fields
 * @param {(values: Record<string, FormDataEntryValue>, form: HTMLFormElement) => Promise<void>} act
 */
export function form({ title, submit, kind = "", note }, fields, act) {
  const trouble = el("p.form-trouble", { role: "alert", hidden: true });
  const button = el(`button${kind && `.${kind}`}`, { type: "submit" }, submit);
  const element = el("form.command", { "aria-label": title }, el("h3", {}, title), note && el("p.quiet", {}, note), fields, button, trouble);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(button, trouble, () => act(Object.fromEntries(new FormData(element)), element));
  });
  return element;
}

async function attempt(button, trouble, act) {
  button.disabled = true;
  trouble.hidden = true;
  try {
    await act();
  } catch (problem) {
    trouble.textContent = problem.message;
    trouble.hidden = false;
  } finally {
    button.disabled = false;
  }
}

let count = 0;

/** A field with its label. `name` is what its value is sent as. */
export function field(label, name, attributes = {}, hint) {
  const id = `field-${(count += 1)}`;
  const { rows, options, ...rest } = attributes;
  let input;
  if (options) input = el("select", { id, name, ...rest }, options.map(([value, text, chosen]) => el("option", { value, selected: Boolean(chosen) }, text)));
  else if (rows) input = el("textarea", { id, name, rows, ...rest });
  else input = el("input", { id, name, type: "text", autocomplete: "off", ...rest });
  return el("div.field", {}, el("label", { for: id }, label), input, hint && el("p.quiet", {}, hint));
}

/** A reason: everything that is decided has one. */
export const reason = (label = "Reason") => field(label, "reason", { rows: 2, required: true, maxlength: 2000 });

/** A box that must be ticked by itself. */
export function tick(label, name, value, attributes = {}) {
  const id = `field-${(count += 1)}`;
  return el("div.tick", {}, el("input", { id, type: "checkbox", name, value, ...attributes }), el("label", { for: id }, label));
}
