// schemathesis, which tries an API against its own description.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ROOT } from "./node.mjs";
import { Program } from "./program.mjs";

const PACKAGES = process.env.SCHEMATHESIS ?? join(ROOT, "target/toolchain/schemathesis");
const HERE = join(ROOT, "tests/schemathesis");

/**
 * Tries the operations of some tags, and gives what came of it: `{ended, output, seen}`, where `seen` counts the answers of
 * each operation by status and code. `known` names things that there are, by the path of an operation or by how it begins (and by kind); `approvals` are what
 * approves or submits a run, by its id.
 *
 * @param {{origin: string, document: object, folder: string, tags: string[], known: object, approvals?: object, token: string, examples: number, secrets?: object}} trial
 */
export async function attempt({ origin, document, folder, tags, known, approvals = {}, token, examples, secrets = {} }) {
  if (!existsSync(join(PACKAGES, "schemathesis"))) throw new Error("schemathesis is missing: `cargo xtask test` installs it");
  const [description, seen] = ["openapi.json", "seen.json"].map((name) => join(folder, name));
  writeFileSync(description, JSON.stringify(closed(document)));
  const env = {
    ...process.env,
    PYTHONPATH: [PACKAGES, HERE].join(delimiter),
    PYTHONDONTWRITEBYTECODE: "1",
    KNOWN: JSON.stringify(known),
    APPROVALS: JSON.stringify(approvals),
    TOKEN: token,
    SEEN: seen,
    ALERT_TOKEN: "none",
    GITHUB_SECRET: "none",
    ...secrets,
  };
  const args = ["-m", "schemathesis.cli", "--config-file", join(HERE, "schemathesis.toml"), "run", description, "--url", origin];
  const chosen = tags.flatMap((tag) => ["--include-tag", tag]);
  const program = new Program("python3", [...args, ...chosen, "--max-examples", String(examples), "--warnings", "off"], { cwd: folder, env });
  const { code, error } = await program.ended();
  if (error) throw error;
  if (!existsSync(seen)) throw new Error(`schemathesis did not begin:\n${program.output}`);
  return { ended: code, output: program.output, seen: JSON.parse(readFileSync(seen, "utf8")) };
}

/**
 * The same description, by which an answer has no member that is not described. What a client may send stays as it is:
 * members that are not known are ignored in places.
 */
export function closed(document) {
  const copy = structuredClone(document);
  const sent = new Set();
  const reach = (value) => {
    if (typeof value !== "object" || value === null) return;
    const name = value.$ref?.match(/^#\/components\/schemas\/(.+)$/)?.[1];
    if (name && !sent.has(name)) {
      sent.add(name);
      reach(copy.components.schemas[name]);
    }
    Object.values(value).forEach(reach);
  };
  for (const operation of Object.values(copy.paths).flatMap(Object.values)) reach(operation.requestBody);
  const close = (schema) => {
    if (typeof schema !== "object" || schema === null) return;
    if (schema.type === "object" && schema.properties) schema.additionalProperties ??= false;
    Object.values(schema).forEach(close);
  };
  for (const [name, schema] of Object.entries(copy.components.schemas)) if (!sent.has(name)) close(schema);
  return copy;
}
