// The way in: passes requests to the pods of an application, as the infrastructure has it configured.

import { existsSync, readFileSync } from "node:fs";
import { Fake } from "./fake.mjs";

export class Ingress extends Fake {
  #cluster;
  #application;
  #settings;
  #turn = 0;
  #counts = new Map();
  #taken = 0;
  #refused = 0;

  /** @param {string} settings the file that Terraform writes: `{"refuse": n}` turns away n of 100 requests */
  constructor(cluster, application, settings) {
    super();
    this.#cluster = cluster;
    this.#application = application;
    this.#settings = settings;
    this.on("GET", "/ingress/metrics", () => ({ headers: { "content-type": "text/plain; version=0.0.4" }, body: this.#metrics() }));
    this.on("*", "/{path*}", (asked) => this.#pass(asked));
  }

  static start(cluster, application, settings, port = 0) {
    return new Ingress(cluster, application, settings).listen(port);
  }

  get #refuses() {
    if (!existsSync(this.#settings)) return 0;
    try {
      return Number(JSON.parse(readFileSync(this.#settings, "utf8")).refuse ?? 0);
    } catch {
      return 0;
    }
  }

  async #pass(asked) {
    this.#taken += 1;
    // Spread over the hundred, so that users of every kind meet it.
    const answer = (this.#taken * 37) % 100 < this.#refuses ? this.#refuse("too many connections") : await this.#ask(asked);
    this.#counts.set(answer.status, (this.#counts.get(answer.status) ?? 0) + 1);
    return answer;
  }

  #refuse(title) {
    this.#refused += 1;
    return { status: 503, body: { title } };
  }

  async #ask(asked) {
    const pods = this.#cluster.serving(this.#application);
    const pod = pods[(this.#turn += 1) % pods.length];
    if (!pod) return this.#refuse("nothing serves");
    const headers = {};
    for (const name of ["content-type", "authorization"]) if (asked.headers[name]) headers[name] = asked.headers[name];
    const body = asked.raw.length > 0 ? asked.raw : undefined;
    try {
      const answer = await fetch(pod.origin + asked.url, { method: asked.method, headers, body, signal: AbortSignal.timeout(5_000) });
      const content = answer.headers.get("content-type");
      const raw = Buffer.from(await answer.arrayBuffer());
      return { status: answer.status, headers: content ? { "content-type": content } : {}, body: raw.length > 0 ? raw : undefined };
    } catch {
      return this.#refuse("the pod does not answer");
    }
  }

  /** Only what it answered by itself: what a pod answered, the pod counts. */
  #metrics() {
    const lines = ["# TYPE ingress_responses_total counter"];
    for (const [code, count] of this.#counts) lines.push(`ingress_responses_total{code="${code}"} ${count}`);
    lines.push("# TYPE http_requests_total counter");
    lines.push(`http_requests_total{application="ingress",code="503"} ${this.#refused}`);
    return `${lines.join("\n")}\n`;
  }
}
