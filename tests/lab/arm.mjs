// Azure's resource manager for PostgreSQL servers: what it says of them, and restores that really restore.

import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Fake, Refusal, bearer, json } from "./fake.mjs";
import { DatabaseServer } from "./database-server.mjs";

const AUDIENCES = ["https://management.azure.com", "https://management.core.windows.net"];
const PROVIDER = "Microsoft.DBforPostgreSQL";
const GROUP = `/subscriptions/{subscription}/resourceGroups/{group}/providers/${PROVIDER}/flexibleServers`;
const LOCATION = "westeurope";

/** How many seconds a client is asked to wait between two looks. */
const RETRY_AFTER = "1";

export class Arm extends Fake {
  #servers = new Map();
  #operations = new Map();
  #next = 1;

  /** @param {{subscription: string, group: string, folder: string, port: number, network?: number}} setup */
  constructor(entra, { subscription, group, folder, port, network = 44 }) {
    super();
    this.entra = entra;
    this.subscription = subscription;
    this.group = group;
    this.#folder = folder;
    this.databasePort = port;
    this.#network = network;
    /** Whether the caller lacks the role that restoring needs. */
    this.denied = false;
    const guarded = (handler) => (asked) => handler(this.#admitted(asked));
    this.on("GET", `${GROUP}/{name}`, guarded((asked) => ({ body: this.#describe(this.#named(asked)) })));
    this.on("GET", GROUP, guarded(() => ({ body: { value: [...this.#servers.values()].map((it) => this.#describe(it)) } })));
    this.on("PUT", `${GROUP}/{name}`, guarded((asked) => this.#put(asked)));
    for (const [kind, list] of Object.entries(BESIDE)) {
      this.on("GET", `${GROUP}/{name}/${kind}`, guarded((asked) => ({ body: { value: list(this.#named(asked)) } })));
    }
    const operation = `/subscriptions/{subscription}/providers/${PROVIDER}/locations/{location}`;
    this.on("GET", `${operation}/azureAsyncOperation/{id}`, guarded((asked) => this.#poll(asked)));
    this.on("GET", `${operation}/operationResults/{id}`, guarded((asked) => this.#result(asked)));
  }

  #folder;
  #network;

  static start(entra, setup, port = 0) {
    return new Arm(entra, setup).listen(port);
  }

  /** Stops the servers too. */
  async stop() {
    await super.stop();
    await Promise.all([...this.#operations.values()].map(({ done }) => done));
    await Promise.all([...this.#servers.values()].map(({ server }) => server?.stop()));
  }

  id(name) {
    return `/subscriptions/${this.subscription}/resourceGroups/${this.group}/providers/${PROVIDER}/flexibleServers/${name}`;
  }

  /** The server behind a name. */
  server(name) {
    return this.#servers.get(name)?.server;
  }

  get names() {
    return [...this.#servers.keys()];
  }

  /** A new server. Each has an address of its own and all have one port, as in the cloud. */
  async create(name, history) {
    const resource = { name, state: "Provisioning", properties: {}, tags: {} };
    this.#servers.set(name, resource);
    resource.server = await DatabaseServer.create(this.#setup(name), history);
    resource.state = "Ready";
    return resource.server;
  }

  #setup(name) {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    const host = `127.${this.#network}.${this.#next}.1`;
    this.#next += 1;
    return { folder, name, host, port: this.databasePort };
  }

  #admitted(asked) {
    if (!this.entra.holds(bearer(asked), [...AUDIENCES, this.origin])) throw refusal(401, "InvalidAuthenticationToken", "The access token is invalid.");
    if (!asked.query.get("api-version")) {
      throw refusal(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.");
    }
    const { subscription, group } = asked.params;
    if (subscription !== this.subscription) throw refusal(404, "SubscriptionNotFound", `The subscription '${subscription}' could not be found.`);
    if (group !== undefined && group !== this.group) throw refusal(404, "ResourceGroupNotFound", `Resource group '${group}' could not be found.`);
    return asked;
  }

  #named(asked) {
    const { name } = asked.params;
    const found = this.#servers.get(name);
    if (found) return found;
    const what = `The Resource '${PROVIDER}/flexibleServers/${name}' under resource group '${this.group}' was not found.`;
    throw refusal(404, "ResourceNotFound", what);
  }

  #put(asked) {
    const { name } = asked.params;
    const { location, properties = {}, tags = {} } = json(asked);
    if (this.denied) {
      const action = `${PROVIDER}/flexibleServers/write`;
      throw refusal(403, "AuthorizationFailed", `The client does not have authorization to perform action '${action}' over scope '${this.id(name)}'.`);
    }
    if (!/^[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])$/.test(name)) throw refusal(400, "InvalidServerName", `The server name '${name}' is not valid.`);
    if (location?.toLowerCase().replace(/ /g, "") !== LOCATION) throw refusal(400, "LocationNotAvailableForResourceType", `The location '${location}' is not available.`);
    if (properties.createMode !== "PointInTimeRestore") throw refusal(400, "InvalidParameterValue", "Only restores are made here.");
    const existing = this.#servers.get(name);
    if (existing) {
      const same = existing.properties.sourceServerResourceId === properties.sourceServerResourceId;
      if (!same) throw refusal(409, "ServerNameAlreadyExists", `Specified server name '${name}' is already used.`);
      return existing.state === "Ready" ? { status: 200, body: this.#describe(existing) } : this.#accepted(existing.operation);
    }
    const source = [...this.#servers.values()].find((it) => this.id(it.name).toLowerCase() === properties.sourceServerResourceId?.toLowerCase());
    if (!source) throw refusal(400, "InvalidSourceServer", "The source server does not exist.");
    const at = new Date(properties.pointInTimeUTC);
    if (Number.isNaN(at.getTime())) throw refusal(400, "InvalidParameterValue", "The value of 'pointInTimeUTC' is not a time.");
    if (at < source.server.earliestRestore || at > new Date()) {
      throw refusal(400, "InvalidPointInTime", `The point in time must be between ${source.server.earliestRestore.toISOString()} and now.`);
    }
    const resource = { name, state: "Provisioning", properties, tags, server: null, operation: randomUUID() };
    this.#servers.set(name, resource);
    const operation = { status: "InProgress", begun: new Date(), resource };
    operation.done = source.server.restored(this.#setup(name), at).then(
      (server) => {
        Object.assign(resource, { server, state: "Ready" });
        Object.assign(operation, { status: "Succeeded", ended: new Date() });
      },
      (error) => {
        resource.state = "Dropping";
        Object.assign(operation, { status: "Failed", ended: new Date(), error: { code: "RestoreFailed", message: String(error) } });
      },
    );
    this.#operations.set(resource.operation, operation);
    return this.#accepted(resource.operation);
  }

  #accepted(id) {
    const place = `${this.origin}/subscriptions/${this.subscription}/providers/${PROVIDER}/locations/${LOCATION}`;
    const headers = {
      "azure-asyncoperation": `${place}/azureAsyncOperation/${id}?api-version=2024-08-01`,
      location: `${place}/operationResults/${id}?api-version=2024-08-01`,
      "retry-after": RETRY_AFTER,
    };
    const { begun } = this.#operations.get(id);
    return { status: 202, headers, body: { operation: "UpsertServerManagementOperationV2", startTime: begun.toISOString() } };
  }

  #operation(asked) {
    const found = this.#operations.get(asked.params.id);
    if (!found) throw refusal(404, "OperationNotFound", "The operation was not found.");
    return found;
  }

  #poll(asked) {
    const { status, begun, ended, error } = this.#operation(asked);
    const headers = ended ? {} : { "retry-after": RETRY_AFTER };
    const body = { name: asked.params.id, status, startTime: begun.toISOString(), ...(ended && { endTime: ended.toISOString() }), ...(error && { error }) };
    return { headers, body };
  }

  #result(asked) {
    const { status, resource } = this.#operation(asked);
    return status === "Succeeded" ? { body: this.#describe(resource) } : { status: 202, headers: { "retry-after": RETRY_AFTER } };
  }

  #describe({ name, state, server, properties, tags }) {
    return {
      id: this.id(name),
      name,
      type: `${PROVIDER}/flexibleServers`,
      location: "West Europe",
      tags,
      sku: { name: "Standard_D2s_v3", tier: "GeneralPurpose" },
      properties: {
        administratorLogin: "owner",
        version: "15",
        minorVersion: "18",
        state,
        fullyQualifiedDomainName: server?.host ?? "",
        availabilityZone: "1",
        storage: { storageSizeGB: 32, autoGrow: "Disabled", tier: "P4", iops: 120, type: "" },
        authConfig: { activeDirectoryAuth: "Disabled", passwordAuth: "Enabled" },
        dataEncryption: { type: "SystemManaged" },
        backup: {
          backupRetentionDays: 7,
          geoRedundantBackup: "Disabled",
          ...(server?.earliestRestore && { earliestRestoreDate: server.earliestRestore.toISOString() }),
        },
        network: { publicNetworkAccess: "Enabled" },
        highAvailability: { mode: "Disabled", state: "NotEnabled" },
        maintenanceWindow: { customWindow: "Disabled", dayOfWeek: 0, startHour: 0, startMinute: 0 },
        replicationRole: "Primary",
        replicaCapacity: 5,
        ...(properties.sourceServerResourceId && { sourceServerResourceId: properties.sourceServerResourceId }),
      },
    };
  }
}

/** What belongs to a server beside itself; the lab's servers have the same of each. */
const BESIDE = {
  firewallRules: () => [],
  administrators: () => [],
  configurations: () => [
    { name: "max_connections", type: `${PROVIDER}/flexibleServers/configurations`, properties: { value: "100", source: "system-default" } },
  ],
};

function refusal(status, code, message) {
  return new Refusal(status, { error: { code, message } });
}
