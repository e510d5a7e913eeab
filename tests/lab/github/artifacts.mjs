// What runs leave behind, and where it is downloaded from.

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../system/program.mjs";
import { Fake, Refusal } from "../fake.mjs";
import { notFound } from "./logins.mjs";

export class Artifacts {
  #folder;
  #known = new Map();
  #next = 100_000;
  store = new ArtifactStore();

  /** @param {string} folder where runs put what they upload */
  constructor(folder) {
    this.#folder = folder;
    mkdirSync(join(folder, "archives"), { recursive: true });
  }

  /** Makes an archive of everything that a run has uploaded. */
  async keep(entry) {
    const folder = join(this.#folder, String(entry.id));
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      const id = (this.#next += 1);
      const file = join(this.#folder, "archives", `${id}.zip`);
      const members = readdirSync(join(folder, name));
      await run("python3", ["-m", "zipfile", "-c", file, ...members], { cwd: join(folder, name) });
      writeFileSync(file.replace(/zip$/, "json"), JSON.stringify({ id, name, run: entry.id }));
      this.#known.set(id, { id, name, run: entry, file, createdAt: new Date(), expired: false, read: (member) => readFileSync(join(folder, name, member)) });
    }
  }

  /** What a run has left: each with its number, its name, and a way to read its files. */
  of(run) {
    return [...this.#known.values()].filter((it) => it.run === run);
  }

  /** One artifact. */
  one(asked, place) {
    return { body: this.#describe(this.#named(asked), place) };
  }

  #named(asked) {
    const found = this.#known.get(Number(asked.params.artifact));
    if (!found) throw notFound();
    return found;
  }

  /** The list of a run's artifacts. */
  list(asked, entry, place) {
    const name = asked.query.get("name");
    const found = [...this.#known.values()].filter((it) => it.run === entry && (!name || it.name === name));
    return { body: { total_count: found.length, artifacts: found.map((it) => this.#describe(it, place)) } };
  }

  #describe({ id, name, run: entry, file, createdAt, expired }, place) {
    const bytes = readFileSync(file);
    const own = `${place}/${id}`;
    return {
      id,
      node_id: Buffer.from(`artifact ${id}`).toString("base64"),
      name,
      size_in_bytes: bytes.length,
      url: own,
      archive_download_url: `${own}/zip`,
      expired,
      created_at: createdAt.toISOString(),
      updated_at: createdAt.toISOString(),
      expires_at: new Date(createdAt.getTime() + 90 * 86_400_000).toISOString(),
      digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
      workflow_run: { id: entry.id, repository_id: 1, head_repository_id: 1, head_branch: "main", head_sha: entry.commit },
    };
  }

  /** Leads to the archive. */
  archive(asked) {
    const { file, expired } = this.#named(asked);
    if (expired) throw new Refusal(410, { message: "Artifact has expired", documentation_url: "https://docs.github.com/rest" });
    return { status: 302, headers: { location: this.store.offer(file) } };
  }

  /** Puts other bytes in the place of an artifact, as somebody with too many rights could. */
  replace(id, bytes) {
    writeFileSync(this.#known.get(id).file, bytes);
  }
}

/** Where artifacts are downloaded from: each address holds for a minute, and nobody's token is wanted. */
class ArtifactStore extends Fake {
  #offers = new Map();

  constructor() {
    super();
    this.on("GET", "/artifacts/{id}", (asked) => this.#download(asked));
  }

  offer(file) {
    const id = randomUUID();
    this.#offers.set(id, { file, until: Date.now() + 60_000 });
    return `${this.origin}/artifacts/${id}?sig=${randomBytes(16).toString("hex")}`;
  }

  #download(asked) {
    if (asked.headers.authorization) throw new Refusal(400, "InvalidAuthenticationInfo: the address is the authorisation");
    const found = this.#offers.get(asked.params.id);
    if (!found || found.until < Date.now()) throw new Refusal(403, "AuthenticationFailed");
    return { headers: { "content-type": "application/zip" }, body: readFileSync(found.file) };
  }
}
