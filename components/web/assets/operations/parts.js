/** Parts of a page that are built anew only when what they show has changed: somebody may be writing in them. */

export class Parts {
  #root;
  #shown = new Map();

  constructor(root) {
    this.#root = root;
  }

  /**
   * Shows these and no others, in this order.
   *
   * @param {[name: string, content: unknown, build: () => Node | null][]} parts `content` is all that `build` depends on
   */
  show(parts) {
    const shown = new Map();
    for (const [name, content, build] of parts) {
      const signature = JSON.stringify(content);
      const known = this.#shown.get(name);
      if (known?.signature === signature) shown.set(name, known);
      else shown.set(name, { signature, element: build() || null, before: known?.element });
    }
    const elements = [...shown.values()].map(({ element }) => element).filter(Boolean);
    const written = [...shown.values()].map((part) => part.before && part.element && keep(part.before, part.element));
    // One by one: moving what stays would take the focus out of its fields.
    [...this.#root.children].filter((element) => !elements.includes(element)).forEach((element) => element.remove());
    elements.forEach((element, index) => {
      if (this.#root.children[index] !== element) this.#root.insertBefore(element, this.#root.children[index] ?? null);
    });
    written.forEach((restore) => restore?.());
    for (const part of shown.values()) delete part.before;
    this.#shown = shown;
  }
}

/** Takes over what somebody has written, ticked and unfolded. Answers what is left to be done once it is in its place. */
function keep(from, to) {
  let focused = null;
  for (const form of from.querySelectorAll("form")) {
    const twin = twinOf(form, to.querySelectorAll("form"), (element) => element.getAttribute("aria-label"));
    for (const field of twin ? form.elements : []) {
      const other = twinOf(field, twin.elements, ({ type, name, value, textContent }) => [type, name || textContent, type === "checkbox" && value].join());
      if (!other) continue;
      if (field === document.activeElement) focused = other;
      if (field.type === "checkbox") other.checked = field.checked;
      else if (isWritten(field)) other.value = field.value;
    }
  }
  for (const details of from.querySelectorAll("details[open]")) {
    const twin = twinOf(details, to.querySelectorAll("details"), (element) => element.querySelector("summary").textContent);
    if (twin) twin.open = true;
  }
  for (const trouble of from.querySelectorAll(".form-trouble:not([hidden])")) {
    const twin = twinOf(trouble, to.querySelectorAll(".form-trouble"), (element) => element.dataset.of);
    if (twin) Object.assign(twin, { textContent: trouble.textContent, hidden: false });
  }
  return () => focused?.focus({ preventScroll: true });
}

const twinOf = (element, others, name) => [...others].find((other) => name(other) === name(element));

function isWritten(field) {
  if (field.options) return [...field.options].some(({ selected, defaultSelected }) => selected !== defaultSelected);
  return "defaultValue" in field && field.value !== field.defaultValue;
}
