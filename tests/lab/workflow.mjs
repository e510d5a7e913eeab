// A workflow file as GitHub reads it: its inputs, the name of its runs, and what its runs wait for.

import { parse } from "yaml";

export class Workflow {
  constructor(file, text) {
    this.file = file;
    this.document = parse(text);
    // `on` is a key of its own, unless a reader of YAML takes it for a truth.
    const on = this.document.on ?? this.document[true];
    this.dispatch = typeof on === "object" && on !== null && "workflow_dispatch" in on ? (on.workflow_dispatch ?? {}) : null;
  }

  get name() {
    return this.document.name ?? `.github/workflows/${this.file}`;
  }

  get inputs() {
    return this.dispatch?.inputs ?? {};
  }

  /** What is wrong with inputs, in GitHub's words, or null. */
  refusal(inputs) {
    if (!this.dispatch) return "Workflow does not have 'workflow_dispatch' trigger";
    const unexpected = Object.keys(inputs).filter((name) => !(name in this.inputs));
    if (unexpected.length > 0) return `Unexpected inputs provided: ${JSON.stringify(unexpected)}`;
    for (const [name, { required, default: otherwise, type, options }] of Object.entries(this.inputs)) {
      if (required && otherwise === undefined && (inputs[name] ?? "") === "") return `Required input '${name}' not provided`;
      const value = inputs[name];
      if (value !== undefined && type === "choice" && !options.includes(value)) return `Provided value '${value}' for input '${name}' not in the list of allowed values`;
    }
    return null;
  }

  /** The inputs with what stands for those that are not given. */
  completed(inputs) {
    const defaults = Object.entries(this.inputs).map(([name, { default: otherwise }]) => [name, String(otherwise ?? "")]);
    return { ...Object.fromEntries(defaults), ...inputs };
  }

  /** The name of a run. */
  title(inputs) {
    return evaluate(this.document["run-name"] ?? this.name, inputs);
  }

  /** What of its runs only one is at a time, or null. */
  group(inputs) {
    const concurrency = this.document.concurrency;
    const group = typeof concurrency === "string" ? concurrency : concurrency?.group;
    return group ? evaluate(group, { ...inputs }, this.name) : null;
  }

  /** Whether what waits for the same group is thrown away by the next one, and what runs is cancelled. */
  get cancels() {
    return this.document.concurrency?.["cancel-in-progress"] === true;
  }

  /** The remote actions that it uses: `owner/name@ref`, with a folder in between for some. */
  get actions() {
    const steps = Object.values(this.document.jobs).flatMap(({ steps: list = [] }) => list);
    return [...new Set(steps.map(({ uses }) => uses).filter((uses) => uses && !uses.startsWith(".")))];
  }

  /** The environment that its first job runs in, or null. */
  environment(inputs) {
    const found = Object.values(this.document.jobs).map(({ environment }) => environment).find(Boolean);
    const name = typeof found === "string" ? found : found?.name;
    return name ? evaluate(name, inputs) : null;
  }
}

/** Fills in `${{ inputs.x }}`: GitHub knows more expressions, and these are what names and groups are made of. */
function evaluate(text, inputs, workflow = "") {
  return String(text).replace(/\$\{\{\s*(.+?)\s*\}\}/g, (_, expression) => {
    for (const part of expression.split("||").map((it) => it.trim())) {
      const name = part.match(/^(?:github\.event\.)?inputs\.([\w-]+)$/)?.[1] ?? part.match(/^inputs\['([\w-]+)'\]$/)?.[1];
      const value = name ? inputs[name] : (part.match(/^'(.*)'$/)?.[1] ?? (part === "github.workflow" ? workflow : part === "github.ref_name" ? "main" : ""));
      if (value) return value;
    }
    return "";
  });
}
