// Commits of a git folder, as GitHub tells of them.

import { run } from "../../system/program.mjs";
import { Refusal } from "../fake.mjs";
import { contract } from "./contract.mjs";
import { notFound } from "./logins.mjs";

export class Commits {
  #folder;
  #repository;

  constructor(folder, repository) {
    this.#folder = folder;
    this.#repository = repository;
  }

  /** What git says. */
  git(...args) {
    return run("git", ["-C", this.#folder, ...args]).then((text) => text.replace(/\n$/, ""));
  }

  async #describe(ref) {
    const format = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%s";
    const text = await this.git("log", "-1", `--format=${format}`, ref, "--").catch(() => null);
    if (!text) return null;
    const [sha, tree, parents, name, email, date, message] = text.split("\0");
    const example = contract().sample("commit");
    const person = { name, email, date };
    const place = `https://api.github.com/repos/${this.#repository}/commits/${sha}`;
    return {
      ...example,
      files: [],
      sha,
      url: place,
      html_url: `https://github.com/${this.#repository}/commit/${sha}`,
      commit: { ...example.commit, message, author: person, committer: person, tree: { ...example.commit.tree, sha: tree } },
      parents: parents.split(" ").filter(Boolean).map((parent) => ({ sha: parent, url: `https://api.github.com/repos/${this.#repository}/commits/${parent}` })),
    };
  }

  async commit(asked) {
    const { ref } = asked.params;
    const body = await this.#describe(ref);
    if (!body) throw new Refusal(422, { message: `No commit found for SHA: ${ref}`, documentation_url: "https://docs.github.com/rest" });
    return { body };
  }

  async compare(asked) {
    const [base, head] = asked.params.range.split("...");
    const [from, to] = await Promise.all([this.#describe(base), this.#describe(head)]);
    if (!from || !to) throw notFound();
    const [behind, ahead] = (await this.git("rev-list", "--left-right", "--count", `${from.sha}...${to.sha}`)).split("\t").map(Number);
    const common = await this.#describe(await this.git("merge-base", from.sha, to.sha));
    const status = behind > 0 && ahead > 0 ? "diverged" : ahead > 0 ? "ahead" : behind > 0 ? "behind" : "identical";
    const example = contract().sample("commit-comparison");
    return { body: { ...example, base_commit: from, merge_base_commit: common, status, ahead_by: ahead, behind_by: behind, total_commits: ahead, commits: [], files: [] } };
  }
}
