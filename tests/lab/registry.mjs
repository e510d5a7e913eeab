// The Docker registry, with images of the sample service: each is a layer with the release's behaviour.

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../system/port.mjs";
import { Program, run } from "../system/program.mjs";
import { tool } from "./tools.mjs";

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG = "application/vnd.docker.container.image.v1+json";
const LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/** Where the service's release is in its image. */
const RELEASE = "srv/release.json";

export class Registry {
  #folder;
  #program;

  static async start(folder) {
    const registry = new Registry(folder, await freePort());
    await registry.#start();
    return registry;
  }

  constructor(folder, port) {
    this.#folder = folder;
    this.port = port;
    this.origin = `http://127.0.0.1:${port}`;
  }

  async #start() {
    const root = join(this.#folder, "storage");
    mkdirSync(root, { recursive: true });
    const file = join(this.#folder, "config.yml");
    const lines = [
      "version: 0.1",
      "log: {level: warn}",
      `storage: {filesystem: {rootdirectory: "${root}"}, delete: {enabled: true}}`,
      `http: {addr: "127.0.0.1:${this.port}"}`,
    ];
    writeFileSync(file, `${lines.join("\n")}\n`);
    this.#program = new Program(tool("docker-registry"), ["serve", file]);
    await this.#program.ready(() => fetch(`${this.origin}/v2/`).then(({ ok }) => ok, () => false));
  }

  async stop() {
    await this.#program?.stop("SIGKILL");
  }

  /**
   * Pushes an image and answers its digest.
   *
   * @param {object} release what the service does, see sample-service.mjs
   * @param {{labels?: object, at?: Date}} [more] the image's labels, and when it was pushed if not now
   */
  async push(repository, tag, release, { labels = {}, at } = {}) {
    const layer = await archive(release);
    const config = Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        // The same release makes the same image, whoever pushes it and when.
        created: new Date(0).toISOString(),
        config: { Labels: labels, Cmd: ["node", "/srv/service.mjs"] },
        rootfs: { type: "layers", diff_ids: [layer.content] },
        history: [],
      }),
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: CONFIG, size: config.length, digest: await this.#upload(repository, config) },
      layers: [{ mediaType: LAYER, size: layer.bytes.length, digest: await this.#upload(repository, layer.bytes) }],
    };
    const response = await fetch(`${this.origin}/v2/${repository}/manifests/${tag}`, {
      method: "PUT",
      headers: { "content-type": MANIFEST },
      body: JSON.stringify(manifest),
    });
    if (response.status !== 201) throw new Error(`pushing ${repository}:${tag} failed: ${await response.text()}`);
    if (at) utimesSync(this.#link(repository, tag), at, at);
    return response.headers.get("docker-content-digest");
  }

  async #upload(repository, bytes) {
    const digest = sha256(bytes);
    const begun = await fetch(`${this.origin}/v2/${repository}/blobs/uploads/`, { method: "POST" });
    const place = new URL(begun.headers.get("location"), this.origin);
    place.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    const done = await fetch(place, { method: "PUT", headers, body: bytes });
    if (done.status !== 201) throw new Error(`uploading to ${repository} failed: ${await done.text()}`);
    return digest;
  }

  /** The names of a repository's tags, or null when there is no such repository. */
  async tags(repository) {
    const response = await fetch(`${this.origin}/v2/${repository}/tags/list`);
    if (response.status === 404) return null;
    return (await response.json()).tags ?? [];
  }

  /** The digest that a tag or digest points to, or null. */
  async digest(repository, reference) {
    const headers = { accept: MANIFEST };
    const response = await fetch(`${this.origin}/v2/${repository}/manifests/${reference}`, { method: "HEAD", headers });
    return response.ok ? response.headers.get("docker-content-digest") : null;
  }

  /** When a tag was written last, as the registry's storage knows it. */
  time(repository, tag) {
    return statSync(this.#link(repository, tag)).mtime;
  }

  #link(repository, tag) {
    return join(this.#folder, "storage/docker/registry/v2/repositories", repository, "_manifests/tags", tag, "current/link");
  }

  /** Pulls an image by digest and answers the release in it. */
  async pull(repository, digest) {
    const response = await fetch(`${this.origin}/v2/${repository}/manifests/${digest}`, { headers: { accept: MANIFEST } });
    if (!response.ok) throw new Error(`there is no image ${repository}@${digest}`);
    const { layers } = await response.json();
    const blob = await fetch(`${this.origin}/v2/${repository}/blobs/${layers[0].digest}`);
    const bytes = Buffer.from(await blob.arrayBuffer());
    if (sha256(bytes) !== layers[0].digest) throw new Error(`the layer of ${repository}@${digest} is not what it should be`);
    const folder = mkdtempSync(join(tmpdir(), "hubline-pull-"));
    try {
      writeFileSync(join(folder, "layer.tgz"), bytes);
      await run("tar", ["-xzf", "layer.tgz"], { cwd: folder });
      return JSON.parse(readFileSync(join(folder, RELEASE), "utf8"));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** The layer of a release: the same release makes the same bytes. */
async function archive(release) {
  const folder = mkdtempSync(join(tmpdir(), "hubline-push-"));
  try {
    mkdirSync(join(folder, "srv"));
    writeFileSync(join(folder, RELEASE), JSON.stringify(release));
    const fixed = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    await run("tar", ["-cf", "layer.tar", ...fixed, "srv"], { cwd: folder });
    const content = sha256(readFileSync(join(folder, "layer.tar")));
    await run("gzip", ["-n", "layer.tar"], { cwd: folder });
    return { bytes: readFileSync(join(folder, "layer.tar.gz")), content };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
