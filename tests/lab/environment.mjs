// One environment of the lab: a cluster with five applications, their database, the way in, and users.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Acr } from "./acr.mjs";
import { ClusterApi } from "./cluster-api.mjs";
import { Ingress } from "./ingress.mjs";
import { writeKubeconfig } from "./kubectl.mjs";
import { Traffic } from "./traffic.mjs";

/** What is deployed, in the order in which it is redeployed; users meet the first. */
export const APPLICATIONS = ["api", "web", "billing", "scheduling", "notices"];

/** The secret in the cluster that holds the connection, and its key. */
export const CONNECTION = { secret: "database-connection", key: "url" };

const DATABASE = "app";

/** How long the database has been there, and how often something was written. */
const HISTORY = { seconds: 900, step: 10 };

const SCHEMA = `
create table heartbeat (id int primary key default 1 check (id = 1), at timestamptz not null);
insert into heartbeat (at) values (clock_timestamp());
create table schema_version (version int primary key, at timestamptz not null default clock_timestamp());
insert into schema_version (version) values (1), (2), (3);
create table customer (id text primary key, name text not null, created_at timestamptz not null default clock_timestamp());
create table service_request (
  id text primary key,
  customer text not null,
  subject text not null,
  changed_at timestamptz not null default clock_timestamp()
);
insert into customer (id, name) select 'customer-' || n, 'Customer ' || n from generate_series(1, 50) n;
insert into customer (id, name) values ('ada', 'Ada');
insert into service_request (id, customer, subject) select 'request-' || n, 'customer-' || (1 + n % 50), 'repair ' || n from generate_series(1, 200) n;
grant select, insert, update, delete on all tables in schema public to app;
`;

export class Environment {
  #folder;

  /**
   * @param {{name: string, folder: string, registry: object, entra: object, arm: object, authority: object, images: object,
   * password: string, token: string}} setup `images` is a reference by application; `password` is the database's and
   * `token` the API's
   */
  constructor(setup) {
    Object.assign(this, setup);
    this.#folder = join(setup.folder, setup.name);
    mkdirSync(this.#folder, { recursive: true });
    this.server = `${setup.name}-db`;
    this.settings = join(this.#folder, "ingress.json");
  }

  static async start(setup) {
    const environment = new Environment(setup);
    await environment.#start();
    return environment;
  }

  async #start() {
    const { name, registry, entra } = this;
    const tokens = { [`deployer-${name}`]: "write", [`hubline-${name}`]: "read" };
    [this.cluster, this.acr] = await Promise.all([ClusterApi.start(registry, { namespace: name, tokens }), Acr.start(registry, entra)]);
    await this.cluster.listenSecurely(this.authority);
    const config = { server: this.cluster.secureOrigin, root: this.authority.root, namespace: name, token: `deployer-${name}` };
    this.kubeconfig = writeKubeconfig(join(this.#folder, "kubeconfig"), config);
    await this.arm.create(this.server, { ...HISTORY, live: (server) => this.#live(server) });
    this.#deploy();
    await Promise.all(APPLICATIONS.map((application) => this.cluster.rolledOut(application)));
    this.ingress = await Ingress.start(this.cluster, "api", this.settings);
  }

  /** What was written while nobody looked. */
  async #live(server) {
    if (!this.#born) {
      await server.query(`create role app login password '${this.password}'`);
      await server.query(`create database ${DATABASE}`);
      await server.query(SCHEMA, [], DATABASE);
      this.#born = true;
    }
    await server.query("update heartbeat set at = clock_timestamp()", [], DATABASE);
    const id = `older-${(this.#count += 1)}`;
    await server.query("insert into service_request (id, customer, subject) values ($1, 'ada', 'as usual')", [id], DATABASE);
  }

  #born = false;
  #count = 0;

  /** The address of the database on a host, as the applications use it. */
  connection(host) {
    return `postgres://app:${this.password}@${host}:${this.arm.databasePort}/${DATABASE}`;
  }

  #deploy() {
    const host = this.arm.server(this.server).host;
    const data = (value) => Buffer.from(value).toString("base64");
    this.cluster.apply("secrets", { metadata: { name: CONNECTION.secret }, type: "Opaque", data: { [CONNECTION.key]: data(this.connection(host)) } });
    this.cluster.apply("secrets", { metadata: { name: "api" }, type: "Opaque", data: { token: data(this.token) } });
    const long = new Date(Date.now() - 86_400_000);
    for (const application of APPLICATIONS) {
      const labels = { app: application };
      const from = (name, key) => ({ valueFrom: { secretKeyRef: { name, key } } });
      const env = [
        { name: "APPLICATION", value: application },
        { name: "API_TOKEN", ...from("api", "token") },
        { name: "DATABASE_URL", ...from(CONNECTION.secret, CONNECTION.key) },
      ];
      this.cluster.apply("deployments", {
        metadata: { name: application, labels, creationTimestamp: long.toISOString().replace(/\.\d+Z/, "Z") },
        spec: {
          replicas: application === "api" ? 2 : 1,
          progressDeadlineSeconds: 10,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: application, image: this.images[application], env }] } },
        },
      });
    }
  }

  /** Lets users in. */
  open(pace) {
    this.traffic = new Traffic(this.ingress.origin, pace);
  }

  /** What Prometheus scrapes here. */
  get targets() {
    const labels = { environment: this.name };
    const pods = this.cluster.live.map(({ port, name }) => ({ targets: [`127.0.0.1:${port}`], labels: { ...labels, pod: name } }));
    if (!this.ingress) return pods;
    return [...pods, { targets: [`127.0.0.1:${this.ingress.port}`], labels: { ...labels, __metrics_path__: "/ingress/metrics" } }];
  }

  /** Runs statements on the data of a server, as its owner. */
  sql(text, values = [], server = this.server) {
    return this.arm.server(server).query(text, values, DATABASE);
  }

  async stop() {
    await this.traffic?.stop();
    await Promise.all([this.ingress?.stop(), this.cluster?.stop(), this.acr?.stop()]);
  }
}
