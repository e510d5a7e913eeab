// The infrastructure as code: how many users the way in turns away, with Terraform's built-in resource.
//
// A change of it really changes the ingress, since replacing the resource writes the file that the ingress reads.

import { join } from "node:path";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { run } from "../system/program.mjs";
import { PYTHON } from "./python.mjs";
import { HERE } from "./tools.mjs";

/** The folder of an environment's code in the repository. */
export const directory = (environment) => `infrastructure/${environment}`;

export class Infrastructure {
  #repository;
  #environments;
  #folder;

  /** @param {string} folder where the states are */
  constructor(repository, environments, folder) {
    this.#repository = repository;
    this.#environments = environments;
    this.#folder = folder;
  }

  /** What makes an apply fail after its first half, while it is there. */
  fuse(environment) {
    return join(this.#folder, `${environment}.fuse`);
  }

  light(environment) {
    writeFileSync(this.fuse(environment), "");
  }

  putOut(environment) {
    rmSync(this.fuse(environment), { force: true });
  }

  /**
   * Commits the code of environments, and answers the commit.
   *
   * @param {Record<string, {refuse: number, cache?: boolean, budget?: number}>} wanted by environment: the share that is
   * turned away, whether there is a cache, and a number that changes nothing but itself
   */
  commit(message, wanted) {
    const files = Object.entries(wanted).map(([environment, state]) => [`${directory(environment)}/main.tf`, this.#code(environment, state)]);
    return this.#repository.commit(message, Object.fromEntries(files));
  }

  #code(environment, { refuse, cache = false, budget = 1 }) {
    const { settings } = this.#environments[environment];
    const resources = [
      `resource "terraform_data" "ingress" {
  triggers_replace = [local.refuse]

  provisioner "local-exec" {
    command = "printf '{\\"refuse\\": %s}' \${local.refuse} > ${settings}"
  }
}`,
      `resource "terraform_data" "budget" {
  input      = ${budget}
  depends_on = [terraform_data.ingress]
}`,
      `resource "terraform_data" "routes" {
  triggers_replace = [local.refuse]
  depends_on       = [terraform_data.ingress]

  provisioner "local-exec" {
    command = "test ! -e ${this.fuse(environment)}"
  }
}`,
    ];
    if (cache) resources.push('resource "terraform_data" "cache" {\n  input = "256 MiB"\n}');
    return `terraform {
  required_version = ">= 1.9"

  backend "local" {
    path = "${join(this.#folder, `${environment}.tfstate`)}"
  }
}

locals {
  refuse = ${refuse}
}

${resources.join("\n\n")}
`;
  }

  /** Applies a commit by hand, past the pipeline: whoever does that makes plans stale. */
  async applyByHand(environment, commit) {
    const work = mkdtempSync(join(this.#folder, "by-hand-"));
    writeFileSync(join(this.#folder, ".terraformrc"), "");
    await run("git", ["clone", "--quiet", this.#repository.folder, work]);
    await run("git", ["-C", work, "checkout", "--quiet", commit]);
    const env = { ...PYTHON, HOME: this.#folder, PATH: `${join(HERE, "bin")}:${process.env.PATH}` };
    const options = { cwd: join(work, directory(environment)), env };
    await run("terraform", ["init", "-input=false", "-no-color"], options);
    await run("terraform", ["apply", "-auto-approve", "-input=false", "-no-color"], options);
    rmSync(work, { recursive: true, force: true });
  }
}
