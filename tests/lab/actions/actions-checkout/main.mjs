import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const { GITHUB_WORKSPACE, GITHUB_SHA, LAB_ORIGIN, INPUT_PATH = "", INPUT_REF } = process.env;
const folder = join(GITHUB_WORKSPACE, INPUT_PATH);
mkdirSync(folder, { recursive: true });
const git = (...args) => execFileSync("git", args, { cwd: folder, stdio: "inherit" });
git("init", "--quiet", "-b", "main");
git("fetch", "--quiet", LAB_ORIGIN, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*");
const wanted = INPUT_REF || GITHUB_SHA;
const isCommit = /^[0-9a-f]{40}$/.test(wanted);
git("checkout", "--quiet", "--force", "--detach", isCommit ? wanted : `refs/remotes/origin/${wanted}`);
