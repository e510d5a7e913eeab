// A pod: a process of the sample service, watched as a kubelet watches a container.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { HERE } from "./tools.mjs";

const PROBE_MS = 150;

/** The pause before a container that died is started again. */
const BACKOFF_MS = 1_000;

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class Pod {
  #child = null;
  #gone = false;
  #timer = null;
  #changed;
  ready = false;
  restarts = 0;
  port = null;
  waiting = null;
  imageID = "";
  startedAt = null;

  /**
   * @param {object} template the pod's metadata and spec
   * @param {{registry: object, secrets: Function, changed: Function}} node where images and secrets come from, and who
   * hears of changes
   */
  constructor(name, template, node) {
    this.name = name;
    this.uid = randomBytes(16).toString("hex").replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
    this.template = template;
    this.createdAt = new Date();
    this.node = node;
    this.#changed = node.changed;
    this.#start().catch((error) => this.#wait("ErrImagePull", String(error.message ?? error)));
  }

  get container() {
    return this.template.spec.containers[0];
  }

  /** Where the container answers, once it does. */
  get origin() {
    return this.port && `http://127.0.0.1:${this.port}`;
  }

  get terminating() {
    return this.#gone;
  }

  #wait(reason, message) {
    this.waiting = { reason, message };
    this.#changed(this);
  }

  async #start() {
    const { image } = this.container;
    const path = image.replace(/^[^/]+\//, "");
    const [, repository, tag, pinned] = path.match(/^(.+?)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?$/);
    const digest = await this.node.registry.digest(repository, pinned ?? tag ?? "latest");
    if (!digest) throw new Error(`there is no image ${image}`);
    const release = await this.node.registry.pull(repository, digest);
    this.imageID = `${image.split("/")[0]}/${repository}@${digest}`;
    if (!this.#gone) this.#spawn(release);
  }

  #spawn(release) {
    const env = { PATH: process.env.PATH, RELEASE: JSON.stringify(release) };
    for (const { name, value, valueFrom } of this.container.env ?? []) {
      const reference = valueFrom?.secretKeyRef;
      const secret = reference && this.node.secrets(reference.name)?.data?.[reference.key];
      if (reference && secret === undefined && !reference.optional) {
        this.#wait("CreateContainerConfigError", `there is no ${reference.key} in the secret ${reference.name}`);
        return;
      }
      if (reference && secret === undefined) continue;
      env[name] = reference ? Buffer.from(secret, "base64").toString("utf8") : (value ?? "");
    }
    const child = spawn(process.execPath, [join(HERE, "sample-service.mjs")], { env, stdio: ["ignore", "pipe", "inherit"] });
    running.add(child);
    this.#child = child;
    this.startedAt = new Date();
    this.waiting = null;
    child.stdout.setEncoding("utf8").on("data", (line) => {
      const port = line.match(/listening on (\d+)/)?.[1];
      if (port) this.port = Number(port);
    });
    child.on("close", () => {
      running.delete(child);
      this.port = null;
      this.#become(false);
      if (this.#gone) return;
      this.restarts += 1;
      this.#wait("CrashLoopBackOff", "the container ended");
      this.#timer = setTimeout(() => !this.#gone && this.#spawn(release), BACKOFF_MS);
    });
    this.#probe(child);
    this.#changed(this);
  }

  async #probe(child) {
    while (this.#child === child && child.exitCode === null && !this.#gone) {
      this.#become(this.port !== null && (await this.#isReady()));
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
  }

  async #isReady() {
    try {
      return (await fetch(`${this.origin}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok;
    } catch {
      return false;
    }
  }

  #become(ready) {
    if (this.ready === ready) return;
    this.ready = ready;
    this.#changed(this);
  }

  /** Ends it; what it is doing is finished first. */
  async stop() {
    this.#gone = true;
    clearTimeout(this.#timer);
    this.ready = false;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.on("close", resolve));
    child.kill("SIGTERM");
    await ended;
  }

  /** What the API says of it. */
  describe(namespace, owner) {
    const condition = (type, status) => ({ type, status: status ? "True" : "False", lastProbeTime: null, lastTransitionTime: seconds(this.createdAt) });
    const state = this.waiting ? { waiting: this.waiting } : this.startedAt ? { running: { startedAt: seconds(this.startedAt) } } : { waiting: { reason: "ContainerCreating" } };
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: this.name,
        namespace,
        uid: this.uid,
        labels: this.template.metadata.labels,
        annotations: this.template.metadata.annotations,
        creationTimestamp: seconds(this.createdAt),
        ...(this.#gone && { deletionTimestamp: seconds(new Date()), deletionGracePeriodSeconds: 30 }),
        ownerReferences: [owner],
      },
      spec: { ...this.template.spec, nodeName: "lab" },
      status: {
        phase: this.startedAt ? "Running" : "Pending",
        hostIP: "127.0.0.1",
        podIP: "127.0.0.1",
        startTime: seconds(this.createdAt),
        conditions: [condition("PodScheduled", true), condition("Initialized", true), condition("ContainersReady", this.ready), condition("Ready", this.ready)],
        containerStatuses: [
          {
            name: this.container.name,
            image: this.container.image,
            imageID: this.imageID,
            ...(this.startedAt && { containerID: `lab://${this.uid}` }),
            ready: this.ready,
            started: this.startedAt !== null,
            restartCount: this.restarts,
            state,
            lastState: {},
          },
        ],
      },
    };
  }
}

/** Kubernetes' times have no fractions. */
export const seconds = (date) => date.toISOString().replace(/\.\d+Z$/, "Z");
