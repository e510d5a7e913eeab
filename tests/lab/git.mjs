// A repository of the lab: a work tree whose every commit is on the branch main at once.

import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../system/program.mjs";

const AUTHOR = ["-c", "user.name=lab", "-c", "user.email=lab@example.com", "-c", "commit.gpgsign=false"];

export class Repository {
  constructor(folder) {
    this.folder = folder;
  }

  static async create(folder) {
    mkdirSync(folder, { recursive: true });
    const repository = new Repository(folder);
    await repository.git("init", "--quiet", "-b", "main");
    return repository;
  }

  async git(...args) {
    return (await run("git", ["-C", this.folder, ...AUTHOR, ...args])).trim();
  }

  /** Commits files, by path a text each, and answers the commit. */
  async commit(message, files) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      writeFileSync(join(this.folder, path), text);
    }
    await this.git("add", "--all");
    await this.git("commit", "--quiet", "--allow-empty", "-m", message);
    return this.git("rev-parse", "HEAD");
  }

  /** Copies a folder into the work tree; the next commit takes it along. */
  copy(source, path) {
    cpSync(source, join(this.folder, path), { recursive: true });
  }
}
