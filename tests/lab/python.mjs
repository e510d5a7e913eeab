// Runs a script with Python's packages of the lab, and reads the JSON that it prints.

import { join } from "node:path";
import { run } from "../system/program.mjs";
import { HERE, PYTHONPATH } from "./tools.mjs";

export const PYTHON = { ...process.env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: "1" };

export async function python(script, ...args) {
  const text = await run("python3", [join(HERE, "python", script), ...args.map(String)], { env: PYTHON });
  return JSON.parse(text);
}
