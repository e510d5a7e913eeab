import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const { GITHUB_WORKSPACE, LAB_ARTIFACTS, LAB_RUN_ID, INPUT_NAME, INPUT_PATH = "" } = process.env;
const run = process.env["INPUT_RUN-ID"] || LAB_RUN_ID;
const wanted = process.env["INPUT_ARTIFACT-IDS"];
const archives = join(LAB_ARTIFACTS, "archives");
const index = existsSync(archives) ? readdirSync(archives).filter((file) => file.endsWith(".json")) : [];
const known = index.map((file) => JSON.parse(readFileSync(join(archives, file), "utf8")));
const found = known.find(({ id, name, run: owner }) => (wanted ? String(id) === wanted : name === INPUT_NAME) && String(owner) === run);
if (!found) {
  console.log(`Artifact not found: ${wanted || INPUT_NAME} of the run ${run}`);
  process.exit(1);
}
const target = resolve(GITHUB_WORKSPACE, INPUT_PATH);
mkdirSync(target, { recursive: true });
execFileSync("python3", ["-m", "zipfile", "-e", join(archives, `${found.id}.zip`), target], { stdio: "inherit" });
