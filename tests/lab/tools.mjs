// Where the programs of the lab are: `cargo xtask setup` and `cargo xtask drill` put them there.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ROOT } from "../system/node.mjs";

export const LAB = process.env.LAB ?? join(ROOT, "target/toolchain/lab");

/** Python's packages, for the environment of a program that uses them. */
export const PYTHONPATH = join(LAB, "python");

/** GitHub's own OpenAPI description. */
export const GITHUB_DESCRIPTION = join(LAB, "github.json");

/** The folder of a file beside this one. */
export const HERE = join(ROOT, "tests/lab");

const FOLDERS = [join(LAB, "bin"), join(PYTHONPATH, "bin"), ...(process.env.PATH ?? "").split(delimiter)];

/** Where a program of the lab is. */
export function tool(name) {
  const found = FOLDERS.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (!found) throw new Error(`${name} is missing: \`cargo xtask drill\` installs it`);
  return found;
}
