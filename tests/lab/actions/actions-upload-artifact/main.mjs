import { appendFileSync, cpSync, existsSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";

const { GITHUB_WORKSPACE, GITHUB_OUTPUT, LAB_ARTIFACTS, LAB_RUN_ID, INPUT_NAME, INPUT_PATH } = process.env;
const paths = INPUT_PATH.split("\n").map((line) => line.trim()).filter(Boolean).map((path) => resolve(GITHUB_WORKSPACE, path));
const found = paths.filter((path) => existsSync(path));
if (found.length === 0) {
  console.log(`No files were found with the provided path: ${INPUT_PATH}`);
  process.exit(process.env["INPUT_IF-NO-FILES-FOUND"] === "error" ? 1 : 0);
}
const folder = join(LAB_ARTIFACTS, LAB_RUN_ID, INPUT_NAME);
mkdirSync(folder, { recursive: true });
// One file or folder is the artifact's root; of several, what they have in common is.
const common = found.map((path) => (statSync(path).isDirectory() ? path : dirname(path))).reduce((a, b) => {
  let root = a;
  while (relative(root, b).startsWith("..")) root = dirname(root);
  return root;
});
for (const path of found) {
  const target = join(folder, relative(common, path) || (statSync(path).isDirectory() ? "" : basename(path)));
  cpSync(path, target, { recursive: true });
}
if (GITHUB_OUTPUT) appendFileSync(GITHUB_OUTPUT, `artifact-url=artifact/${INPUT_NAME}\n`);
