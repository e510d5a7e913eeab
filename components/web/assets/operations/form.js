/** Forms, and buttons that do something: while it is being done they wait, and what went wrong stands beside them. */

import { el } from "./element.js";

/**
 * What is done when somebody presses. What it answers, if anything, is done once the form is empty again.
 *
 * @typedef {() => Promise<void | (() => Promise<void>)>} Act
 */

/**
 * A button with its own place for what went wrong.
 *
 * @param {string} label
 * @param {Act} act
 * @param {{kind?: string}} [look]
 */
export function action(label, act, { kind = "" } = {}) {
  const trouble = place(label);
  const button = el(`button${kind && `.${kind}`}`, { type: "button" }, label);
  button.addEventListener("click", () => attempt(button, trouble, act));
  return el("div.action", {}, button, trouble);
}

/**
 * A form that is sent once, with a heading.
 *
 * @param {{title: string, submit: string, kind?: string, note?: string}} texts
 * @param {Node[]} fields
 * @param {(values: Record<string, FormDataEntryValue>, form: HTMLFormElement) => ReturnType<Act>} act
 */
export function form({ title, submit, kind = "", note }, fields, act) {
  const trouble = place(title);
  const button = el(`button${kind && `.${kind}`}`, { type: "submit" }, submit);
  const element = el("form.command", { "aria-label": title }, el("h3", {}, title), note && el("p.quiet", {}, note), fields, button, trouble);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(button, trouble, async () => {
      const then = await act(Object.fromEntries(new FormData(element)), element);
      element.reset();
      return then;
    });
  });
  return element;
}

const place = (of) => el("p.form-trouble", { role: "alert", hidden: true, data: { of } });

async function attempt(button, trouble, act) {
  button.disabled = true;
  trouble.hidden = true;
  try {
    const then = await act();
    await then?.();
  } catch (problem) {
    trouble.textContent = problem.message;
    trouble.hidden = false;
  } finally {
    button.disabled = false;
  }
}

let count = 0;

/** A field with its label. `name` is what its value is sent as. */
export function field(label, name, { rows, options, value, ...attributes } = {}, hint) {
  const id = `field-${(count += 1)}`;
  const described = hint && `${id}-hint`;
  const rest = { id, name, "aria-describedby": described, ...attributes };
  let input;
  if (options) input = el("select", rest, options.map(([value, text, chosen]) => el("option", { value, selected: Boolean(chosen) }, text)));
  else if (rows) input = el("textarea", { rows, ...rest }, value);
  else input = el("input", { type: "text", autocomplete: "off", value, ...rest });
  return el("div.field", {}, el("label", { for: id }, label), input, hint && el("p.quiet", { id: described }, hint));
}

/** A reason: everything that is decided has one. */
export const reason = (label = "Reason") => field(label, "reason", { rows: 2, required: true, maxlength: 2000 });

/** A box that must be ticked by itself. */
export function tick(label, name, value, attributes = {}) {
  const id = `field-${(count += 1)}`;
  return el("div.tick", {}, el("input", { id, type: "checkbox", name, value, ...attributes }), el("label", { for: id }, label));
}

/** A form that is out of the way until it is wanted. */
export const folded = (summary, box) => el("details", {}, el("summary", {}, summary), box);
