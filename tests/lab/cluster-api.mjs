// A Kubernetes API: deployments whose pods are processes, replica sets, secrets and config maps of one namespace.

import { createHash, randomUUID } from "node:crypto";
import { Fake, Refusal, bearer, json } from "./fake.mjs";
import { patched } from "./patch.mjs";
import { object as binary } from "./protobuf.mjs";
import { Pod, seconds } from "./pod.mjs";

/** How often the controller looks at deployments. */
const CONTROL_MS = 100;

const KINDS = {
  deployments: { group: "apps/v1", kind: "Deployment", short: ["deploy"] },
  replicasets: { group: "apps/v1", kind: "ReplicaSet", short: ["rs"] },
  pods: { group: "v1", kind: "Pod", short: ["po"] },
  secrets: { group: "v1", kind: "Secret", short: [] },
  configmaps: { group: "v1", kind: "ConfigMap", short: ["cm"] },
  events: { group: "v1", kind: "Event", short: ["ev"] },
};

const REVISION = "deployment.kubernetes.io/revision";

export class ClusterApi extends Fake {
  #registry;
  #tokens;
  #version = 1;
  #stores = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, new Map()]));
  /** The live pods by name, and the replica set of each. */
  #pods = new Map();
  #watchers = new Set();
  #cordoned = new Set();
  #control;
  #stopped = false;

  /**
   * @param {object} registry where images are pulled from
   * @param {{namespace: string, tokens: Record<string, "read"|"write">}} setup who may do what
   */
  constructor(registry, { namespace, tokens }) {
    super();
    this.#registry = registry;
    this.#tokens = tokens;
    this.namespace = namespace;
    this.on("GET", "/version", () => ({ body: { major: "1", minor: "33", gitVersion: "v1.33.0" } }));
    this.on("GET", "/api", () => ({ body: { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] } }));
    this.on("GET", "/apis", () => ({ body: { kind: "APIGroupList", apiVersion: "v1", groups: [GROUP] } }));
    this.on("GET", "/api/v1", () => ({ body: resources("v1") }));
    this.on("GET", "/apis/apps/v1", () => ({ body: resources("apps/v1") }));
    const described = Object.fromEntries(ROOTS.map((root) => [root.slice(1), { serverRelativeURL: `/openapi/v3${root}?hash=lab` }]));
    this.on("GET", "/openapi/v3", () => ({ body: { paths: described } }));
    for (const root of ROOTS) {
      this.on("GET", `/openapi/v3${root}`, () => ({ body: description(root) }));
      const kinds = `${root}/namespaces/{namespace}/{kind}`;
      this.on("GET", kinds, (asked) => this.#list(this.#admitted(asked, "read")));
      this.on("POST", kinds, (asked) => this.#create(this.#admitted(asked, "write")));
      this.on("GET", `${kinds}/{name}`, (asked) => ({ body: this.#named(this.#admitted(asked, "read")) }));
      this.on("PUT", `${kinds}/{name}`, (asked) => this.#replace(this.#admitted(asked, "write")));
      this.on("PATCH", `${kinds}/{name}`, (asked) => this.#patch(this.#admitted(asked, "write")));
      this.on("DELETE", `${kinds}/{name}`, (asked) => this.#delete(this.#admitted(asked, "write")));
      this.on("GET", `${kinds}/{name}/scale`, (asked) => ({ body: scale(this.#named(this.#admitted(asked, "read"))) }));
      for (const method of ["PUT", "PATCH"]) this.on(method, `${kinds}/{name}/scale`, (asked) => this.#scale(this.#admitted(asked, "write")));
    }
  }

  static async start(registry, setup, port = 0) {
    const api = await new ClusterApi(registry, setup).listen(port);
    api.#control = setInterval(() => api.#reconcile(), CONTROL_MS);
    return api;
  }

  async stop() {
    this.#stopped = true;
    clearInterval(this.#control);
    await Promise.all([...this.#pods.values()].map(({ pod }) => pod.stop()));
    await super.stop();
  }

  unknown(asked) {
    return status(404, "NotFound", `the server could not find the requested resource ${asked.path}`);
  }

  /** The pods of an application that take traffic. */
  serving(application) {
    return [...this.#pods.values()].map(({ pod }) => pod).filter((pod) => pod.ready && !pod.terminating && pod.template.metadata.labels.app === application);
  }

  /** Every pod that answers at all. */
  get live() {
    return [...this.#pods.values()].map(({ pod }) => pod).filter((pod) => pod.port !== null);
  }

  /** From now on no node takes new pods of an application: they wait. */
  cordon(application) {
    this.#cordoned.add(application);
  }

  uncordon(application) {
    this.#cordoned.delete(application);
  }

  /** An object, or undefined. */
  get(kind, name) {
    return this.#stores[kind].get(name);
  }

  /** Puts an object there, as its owner would. */
  apply(kind, object) {
    const { group, kind: type } = KINDS[kind];
    const known = this.#stores[kind].get(object.metadata.name);
    const metadata = { creationTimestamp: seconds(new Date()), uid: randomUUID(), ...known?.metadata, ...object.metadata, namespace: this.namespace };
    return this.#store(kind, { apiVersion: group, kind: type, ...object, metadata }, known ? "MODIFIED" : "ADDED");
  }

  /** Waits until a deployment is as it should be. */
  async rolledOut(name, patience = 20_000) {
    const deadline = Date.now() + patience;
    for (;;) {
      const { metadata, spec, status: now } = this.get("deployments", name);
      const done = now && now.observedGeneration === metadata.generation && now.updatedReplicas === spec.replicas && now.availableReplicas === spec.replicas && now.replicas === spec.replicas;
      if (done) return;
      if (Date.now() > deadline) throw new Error(`${name} is not rolled out: ${JSON.stringify(now)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  // Requests

  #admitted(asked, verb) {
    const { namespace, kind } = asked.params;
    const right = this.#tokens[bearer(asked)];
    if (!right) throw new Refusal(401, failure(401, "Unauthorized", "Unauthorized"));
    const user = 'User "system:serviceaccount:lab"';
    const forbidden = (what) => new Refusal(403, failure(403, "Forbidden", `${what} is forbidden: ${user} cannot do this in the namespace "${namespace}"`));
    if (namespace !== this.namespace || (verb === "write" && right !== "write")) throw forbidden(kind);
    if (!KINDS[kind]) throw new Refusal(404, failure(404, "NotFound", "the server could not find the requested resource"));
    if (right === "read" && !["deployments", "pods", "replicasets"].includes(kind)) throw forbidden(kind);
    return asked;
  }

  #named({ params: { kind, name } }) {
    const found = this.#stores[kind].get(name);
    if (found) return found;
    throw new Refusal(404, failure(404, "NotFound", `${kind} "${name}" not found`, { name, kind }));
  }

  #list(asked) {
    const { kind } = asked.params;
    const matches = selector(asked.query);
    if (asked.query.get("watch") && asked.query.get("watch") !== "false") return this.#watch(asked, kind, matches);
    const items = [...this.#stores[kind].values()].filter(matches);
    const { group, kind: type } = KINDS[kind];
    const limit = Number(asked.query.get("limit") ?? 0) || items.length;
    const from = Number(asked.query.get("continue") ?? 0);
    const rest = items.length - from - limit;
    const metadata = { resourceVersion: String(this.#version), ...(rest > 0 && { continue: String(from + limit), remainingItemCount: rest }) };
    return { body: { kind: `${type}List`, apiVersion: group, metadata, items: items.slice(from, from + limit) } };
  }

  /** A stream of events; on demand the state comes first, and a bookmark says where it ends. */
  #watch({ query, response }, kind, matches) {
    const { group, kind: type } = KINDS[kind];
    response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" });
    const send = (event, object) => response.write(`${JSON.stringify({ type: event, object })}\n`);
    const items = [...this.#stores[kind].values()].filter(matches);
    if (query.get("sendInitialEvents") === "true") {
      items.forEach((object) => send("ADDED", object));
      const annotations = { "k8s.io/initial-events-end": "true" };
      send("BOOKMARK", { kind: type, apiVersion: group, metadata: { resourceVersion: String(this.#version), annotations } });
    } else {
      const since = Number(query.get("resourceVersion") ?? 0);
      items.filter(({ metadata }) => Number(metadata.resourceVersion) > since).forEach((object) => send("MODIFIED", object));
    }
    const watcher = { kind, hear: (event, object) => matches(object) && send(event, object) };
    this.#watchers.add(watcher);
    const timer = setTimeout(() => response.end(), Number(query.get("timeoutSeconds") ?? 300) * 1000);
    response.on("close", () => {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    });
    return null;
  }

  #create(asked) {
    const { kind } = asked.params;
    const object = written(asked);
    const { name } = object.metadata;
    if (this.#stores[kind].has(name)) throw new Refusal(409, failure(409, "AlreadyExists", `${kind} "${name}" already exists`, { name, kind }));
    return { status: 201, body: this.apply(kind, clean(kind, object)) };
  }

  #replace(asked) {
    const { metadata } = this.#named(asked);
    const object = clean(asked.params.kind, written(asked));
    const stale = object.metadata.resourceVersion && object.metadata.resourceVersion !== metadata.resourceVersion;
    if (stale) throw new Refusal(409, failure(409, "Conflict", "the object has been modified; please apply your changes to the latest version"));
    return { body: this.apply(asked.params.kind, object) };
  }

  #patch(asked) {
    const { kind, name } = asked.params;
    const type = asked.headers["content-type"] ?? "";
    const known = this.#stores[kind].get(name);
    // A server-side apply of something new creates it.
    const created = !known && type.startsWith("application/apply-patch");
    const object = created ? json(asked) : patched(this.#named(asked), json(asked), type);
    return { status: created ? 201 : 200, body: this.apply(kind, clean(kind, object)) };
  }

  #delete(asked) {
    const { kind, name } = asked.params;
    const object = this.#named(asked);
    if (kind === "pods") this.#end(name);
    else this.#forget(kind, name);
    return { body: { kind: "Status", apiVersion: "v1", status: "Success", details: { name, kind, uid: object.metadata.uid } } };
  }

  #scale(asked) {
    const deployment = this.#named(asked);
    const { spec } = asked.method === "PATCH" ? patched(scale(deployment), json(asked), asked.headers["content-type"] ?? "") : json(asked);
    return { body: scale(this.apply("deployments", { ...deployment, spec: { ...deployment.spec, replicas: spec.replicas ?? 0 } })) };
  }

  // State

  #store(kind, object, event) {
    const known = this.#stores[kind].get(object.metadata.name);
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    if (kind === "deployments") {
      const same = known && JSON.stringify(known.spec) === JSON.stringify(object.spec);
      metadata.generation = (known?.metadata.generation ?? 0) + (same ? 0 : 1);
    }
    const stored = { ...object, metadata };
    this.#stores[kind].set(metadata.name, stored);
    this.#tell(kind, event, stored);
    return stored;
  }

  #forget(kind, name) {
    const object = this.#stores[kind].get(name);
    this.#stores[kind].delete(name);
    if (object) this.#tell(kind, "DELETED", object);
  }

  #tell(kind, event, object) {
    for (const watcher of this.#watchers) if (watcher.kind === kind) watcher.hear(event, object);
  }

  // The controller

  #reconcile() {
    for (const deployment of this.#stores.deployments.values()) this.#controlOne(deployment);
  }

  #controlOne(deployment) {
    const { metadata, spec } = deployment;
    const hash = createHash("sha256").update(canonical(spec.template)).digest("hex").slice(0, 10);
    const current = this.#replicaSet(deployment, hash);
    const pods = (set) => [...this.#pods.values()].filter((it) => it.set === set);
    const wanted = spec.replicas ?? 1;
    const mine = pods(current.metadata.name).filter(({ pod }) => !pod.terminating);
    const others = [...this.#pods.values()].filter((it) => it.deployment === metadata.name && it.set !== current.metadata.name && !it.pod.terminating);
    const begins = this.#cordoned.has(metadata.name) ? 0 : wanted - mine.length;
    for (let count = 0; count < begins; count += 1) this.#begin(deployment, current);
    mine.slice(wanted).forEach(({ pod }) => this.#end(pod.name));
    // The old ones leave when there are as many new ones that take their work.
    const available = mine.filter(({ pod }) => pod.ready).length;
    others.slice(0, Math.max(0, others.length - Math.max(0, wanted - available))).forEach(({ pod }) => this.#end(pod.name));
    this.#report(deployment, current, { wanted, updated: Math.min(mine.length, wanted), available, others });
  }

  #replicaSet(deployment, hash) {
    const { metadata, spec } = deployment;
    const name = `${metadata.name}-${hash}`;
    const owned = [...this.#stores.replicasets.values()].filter(({ metadata: { ownerReferences } }) => ownerReferences[0].uid === metadata.uid);
    const newest = Math.max(0, ...owned.map((set) => Number(set.metadata.annotations[REVISION])));
    const known = this.#stores.replicasets.get(name);
    if (known && Number(known.metadata.annotations[REVISION]) === newest) return known;
    // A template that comes back is the newest revision again.
    const template = structuredClone(spec.template);
    template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, "pod-template-hash": hash } };
    const owner = { apiVersion: "apps/v1", kind: "Deployment", name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
    const selector = { matchLabels: { ...spec.selector.matchLabels, "pod-template-hash": hash } };
    const set = this.apply("replicasets", {
      metadata: { name, labels: template.metadata.labels, annotations: { [REVISION]: String(newest + 1) }, ownerReferences: [owner] },
      spec: { replicas: spec.replicas, selector, template },
    });
    const annotations = { ...metadata.annotations, [REVISION]: String(newest + 1) };
    const status = { ...deployment.status, progressSince: Date.now() };
    this.#store("deployments", { ...this.get("deployments", metadata.name), metadata: { ...metadata, annotations }, status }, "MODIFIED");
    return set;
  }

  #begin(deployment, set) {
    const name = `${set.metadata.name}-${randomUUID().slice(0, 5)}`;
    const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: set.metadata.name, uid: set.metadata.uid, controller: true, blockOwnerDeletion: true };
    const changed = (pod) => {
      if (this.#pods.get(name)?.pod === pod || !this.#pods.has(name)) this.#show(name, pod, owner);
    };
    const node = { registry: this.#registry, secrets: (secret) => this.get("secrets", secret), changed };
    const pod = new Pod(name, set.spec.template, node);
    this.#pods.set(name, { pod, set: set.metadata.name, deployment: deployment.metadata.name, owner });
    this.#show(name, pod, owner);
  }

  #show(name, pod, owner) {
    if (this.#stopped) return;
    const known = this.#stores.pods.has(name);
    if (!known && pod.terminating) return;
    this.#store("pods", pod.describe(this.namespace, owner), known ? "MODIFIED" : "ADDED");
  }

  #end(name) {
    const { pod, owner } = this.#pods.get(name);
    const stopping = pod.stop();
    this.#show(name, pod, owner);
    stopping.then(() => {
      this.#pods.delete(name);
      this.#forget("pods", name);
    });
  }

  #report(before, set, { wanted, updated, available, others }) {
    const deployment = this.get("deployments", before.metadata.name);
    const stillReady = others.filter(({ pod }) => pod.ready).length;
    const replicas = updated + others.length;
    const complete = updated === wanted && replicas === wanted && available >= wanted;
    const { status: known = {} } = deployment;
    const progress = `${updated} ${available} ${others.length} ${deployment.metadata.generation}`;
    const since = known.progress === progress && !complete ? known.progressSince : Date.now();
    const late = !complete && Date.now() - since > (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
    const reason = complete ? "NewReplicaSetAvailable" : late ? "ProgressDeadlineExceeded" : "ReplicaSetUpdated";
    const at = seconds(new Date());
    const enough = available + stillReady >= wanted;
    const status = {
      observedGeneration: deployment.metadata.generation,
      replicas,
      updatedReplicas: updated,
      readyReplicas: available + stillReady,
      availableReplicas: available + stillReady,
      unavailableReplicas: Math.max(0, replicas - available - stillReady) || undefined,
      conditions: [
        { type: "Available", status: enough ? "True" : "False", reason: enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable" },
        { type: "Progressing", status: late ? "False" : "True", reason, message: `ReplicaSet "${set.metadata.name}" ${late ? "has timed out progressing." : "is progressing."}` },
      ],
    };
    const comparable = ({ progress: _, progressSince: __, ...rest }) => JSON.stringify(rest, (key, value) => (/^last/.test(key) ? undefined : value));
    if (comparable(known) === comparable(status)) {
      Object.assign(known, { progress, progressSince: since });
      return;
    }
    status.conditions.forEach((condition) => Object.assign(condition, { lastUpdateTime: at, lastTransitionTime: at }));
    // What only the controller needs is in no answer.
    Object.defineProperties(status, { progress: { value: progress, writable: true }, progressSince: { value: since, writable: true } });
    this.#store("deployments", { ...deployment, status }, "MODIFIED");
  }
}

const GROUP = {
  name: "apps",
  versions: [{ groupVersion: "apps/v1", version: "v1" }],
  preferredVersion: { groupVersion: "apps/v1", version: "v1" },
};

/** A text that two templates share which mean the same: the order of members is nothing, and so is a member that is empty. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== null && member !== undefined && canonical(member) !== "{}");
  return `{${members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}

const ROOTS = ["/api/v1", "/apis/apps/v1"];

/** As much of a description as kubectl looks at before it writes: that the server checks fields by itself. */
function description(root) {
  const parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map((name) => ({ name, in: "query", schema: { type: "string" } }));
  const own = Object.entries(KINDS).filter(([, { group }]) => root.endsWith(`/${group}`));
  const paths = own.map(([name, { group, kind }]) => {
    const [version, area = ""] = group.split("/").reverse();
    const operation = { parameters, responses: {}, "x-kubernetes-group-version-kind": { group: area, version, kind } };
    return [`${root}/namespaces/{namespace}/${name}/{name}`, { patch: operation, put: operation }];
  });
  return { openapi: "3.0.0", info: { title: "Kubernetes", version: "v1.33.0" }, paths: Object.fromEntries(paths) };
}

const VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"];

function resources(groupVersion) {
  const own = Object.entries(KINDS).filter(([, { group }]) => group === groupVersion);
  const list = own.map(([name, { kind, short }]) => ({ name, singularName: kind.toLowerCase(), namespaced: true, kind, verbs: VERBS, shortNames: short }));
  if (groupVersion === "apps/v1") {
    list.push({ name: "deployments/scale", singularName: "", namespaced: true, group: "autoscaling", version: "v1", kind: "Scale", verbs: ["get", "patch", "update"] });
  }
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: list };
}

/** The object that a request writes. */
function written(asked) {
  return (asked.headers["content-type"] ?? "").includes("protobuf") ? binary(asked.raw) : json(asked);
}

/** A secret's plain texts, encoded as the API keeps them. */
function clean(kind, object) {
  if (kind !== "secrets" || !object.stringData) return object;
  const { stringData, ...rest } = object;
  const encoded = Object.entries(stringData).map(([name, value]) => [name, Buffer.from(value).toString("base64")]);
  return { ...rest, data: { ...rest.data, ...Object.fromEntries(encoded) } };
}

function scale({ metadata, spec, status: now }) {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const labels = Object.entries(spec.selector.matchLabels).map(([key, value]) => `${key}=${value}`);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec.replicas },
    status: { replicas: now?.replicas ?? 0, selector: labels.join(",") },
  };
}

/** Whether an object is what `labelSelector` and `fieldSelector` ask for. */
function selector(query) {
  const parts = (name) => (query.get(name) ?? "").split(/,(?![^(]*\))/).filter(Boolean);
  const labels = parts("labelSelector").map((part) => part.split(/==|=/));
  const fields = parts("fieldSelector").map((part) => part.split(/==|=/));
  const at = (object, path) => path.split(".").reduce((value, name) => value?.[name], object);
  return (object) =>
    labels.every(([key, value]) => (value === undefined ? key in (object.metadata.labels ?? {}) : object.metadata.labels?.[key] === value)) &&
    fields.every(([path, value]) => String(at(object, path)) === value);
}

function failure(code, reason, message, details = {}) {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, details, code };
}

const status = (code, reason, message) => ({ status: code, body: failure(code, reason, message) });
