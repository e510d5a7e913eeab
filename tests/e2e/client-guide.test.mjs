// Must hold: a client written as docs/client.md says loses nothing, repeats nothing and mixes nothing up.

import assert from "node:assert/strict";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import ts from "typescript";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { ROOT } from "../system/node.mjs";
import { ScriptedHub } from "../system/scripted-hub.mjs";
import { Tunnel } from "../system/tunnel.mjs";

let cluster;
let node;
let folder;
let guide;

before(async () => {
  // Below the tests' own folder, where the compiler and Node find the packages.
  folder = mkdtempSync(join(ROOT, "tests/.guide-"));
  guide = await compileGuide();
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Checks the types of the TypeScript in the guide, compiles it and loads it. */
function compileGuide() {
  const text = readFileSync(join(ROOT, "docs/client.md"), "utf8");
  const code = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block).join("\n");
  assert.notEqual(code, "", "the guide has TypeScript");
  const source = join(folder, "guide.ts");
  writeFileSync(source, code);
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  copyFileSync(join(ROOT, "components/web/assets/chat-client.js"), join(folder, "chat-client.js"));
  cpSync(join(ROOT, "components/web/assets/chat"), join(folder, "chat"), { recursive: true });
  const program = ts.createProgram([source], {
    strict: true,
    allowJs: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
    outDir: join(folder, "out"),
    rootDir: folder,
  });
  const { diagnostics } = program.emit();
  const problems = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  const host = { getCurrentDirectory: () => folder, getCanonicalFileName: (name) => name, getNewLine: () => "\n" };
  assert.equal(ts.formatDiagnostics(problems, host), "");
  return import(pathToFileURL(join(folder, "out/guide.js")));
}

/** A phone: its storage outlives the app. */
class Phone {
  #stored = new Map();
  #request;
  #session;
  #origin;

  constructor(request, userId, token, origin = node.origin) {
    this.#request = request;
    this.#origin = origin;
    this.#session = { userId, token: typeof token === "string" ? async () => token : token };
  }

  async openApp() {
    const store = {
      read: async (key) => this.#stored.get(key) ?? null,
      write: async (key, text) => void this.#stored.set(key, text),
    };
    this.client = await guide.openConversation(this.#origin, this.#request.id, this.#session, store, () => {});
    return this;
  }

  closeApp() {
    return this.client.stop();
  }

  get lines() {
    return guide.lines(this.client);
  }

  shows(lines, patience = 20_000) {
    const same = () => JSON.stringify(this.lines) === JSON.stringify(lines);
    return eventually(same, { patience, otherwise: () => `it shows ${JSON.stringify(this.lines, null, 1)}` });
  }
}

async function twoPhones() {
  const request = await cluster.open(node);
  const customer = await new Phone(request, request.customerId, request.customer).openApp();
  const technician = await new Phone(request, request.technicianId, request.technician).openApp();
  for (const { client } of [customer, technician]) await eventually(() => client.connection === "online");
  return { request, customer, technician };
}

test("two people talk", async () => {
  const { customer, technician } = await twoPhones();
  customer.client.send("is it the pump?");
  assert.deepEqual(customer.lines, ["sending: is it the pump?"]);
  await technician.shows(["customer: is it the pump?"]);
  technician.client.send("it is");
  for (const phone of [customer, technician]) await phone.shows(["customer: is it the pump?", "technician: it is"]);
  const online = ({ client }) => client.parties.filter((party) => party.online).map(({ role }) => role);
  for (const phone of [customer, technician]) await eventually(() => online(phone).join() === "customer,technician");
  await technician.closeApp();
  await eventually(() => online(customer).join() === "customer");
  await customer.closeApp();
});

test("who comes in the frame of the join's answer is there", async () => {
  // Hubline's own frames come together now and then; these always do.
  const id = "sr-together";
  const event = (target, content) => ({ type: 1, target, arguments: [{ serviceRequestId: id, ...content }] });
  const parties = [
    { userId: "carla", role: "customer", online: true },
    { userId: "theo", role: "technician", online: false },
  ];
  const message = { id: "m", seq: 1, senderId: "theo", senderRole: "technician", clientMessageId: "c", body: "hello" };
  const joined = ({ invocationId }) => [
    { type: 3, invocationId, result: { serviceRequestId: id, lastSeq: 1, epoch: "e", status: "open", parties } },
    event("OnPresenceChanged", { userId: "theo", online: true }),
    event("OnMessageReceived", message),
    event("OnServiceRequestChanged", { status: "closed" }),
  ];
  const hub = await ScriptedHub.start((invocation, { send }) => send(...joined(invocation)));
  const store = { read: async () => null, write: async () => {} };
  const session = { userId: "carla", token: async () => "token" };
  const client = await guide.openConversation(hub.origin, id, session, store, () => {});
  try {
    await eventually(() => client.connection === "online" && client.messages.length === 1);
    assert.deepEqual(client.parties.map(({ userId, online }) => [userId, online]), [["carla", true], ["theo", true]]);
    assert.equal(client.status, "closed");
  } finally {
    await client.stop();
    hub.stop();
  }
});

test("the server is away for a while, and what was written meanwhile arrives in its order", async () => {
  const { customer, technician } = await twoPhones();
  customer.client.send("before");
  await technician.shows(["customer: before"]);
  await node.kill();
  const texts = range(1, 20).map((count) => `meanwhile ${count}`);
  texts.forEach((text) => customer.client.send(text));
  await eventually(() => customer.client.connection === "offline");
  await pause(3_000);
  assert.deepEqual(customer.lines, ["customer: before", ...texts.map((text) => `sending: ${text}`)]);
  await node.start();
  for (const phone of [customer, technician]) {
    await phone.shows(["before", ...texts].map((text) => `customer: ${text}`), 30_000);
  }
  await Promise.all([customer.closeApp(), technician.closeApp()]);
});

/** A customer whose way to the node can break, and a technician whose can't. */
async function onePhoneBehindATunnel() {
  const tunnel = await Tunnel.start(node);
  const request = await cluster.open(node);
  const customer = await new Phone(request, request.customerId, request.customer, tunnel.origin).openApp();
  const technician = await new Phone(request, request.technicianId, request.technician).openApp();
  for (const { client } of [customer, technician]) await eventually(() => client.connection === "online");
  const close = async () => {
    await Promise.all([customer.closeApp(), technician.closeApp()]);
    tunnel.stop();
  };
  return { tunnel, request, customer, technician, close };
}

test("a message that left and never arrived is sent again as the same one, and stored once", async () => {
  const { tunnel, request, customer, technician, close } = await onePhoneBehindATunnel();
  tunnel.swallow();
  const id = customer.client.send("can you hear me?");
  await eventually(() => tunnel.swallowed > 0);
  tunnel.cut();
  await eventually(() => customer.client.connection === "offline");
  assert.deepEqual(customer.lines, ["sending: can you hear me?"]);
  assert.deepEqual(await node.as(request.center).history(request.id), [], "nobody has heard of it");
  for (const phone of [customer, technician]) await phone.shows(["customer: can you hear me?"]);
  const history = await node.as(request.center).history(request.id);
  assert.deepEqual(history.map(({ clientMessageId }) => clientMessageId), [id]);
  await close();
});

test("a message whose answer is lost with the socket is stored once, and shown once", async () => {
  const { tunnel, request, customer, technician, close } = await onePhoneBehindATunnel();
  const id = customer.client.send("did you hear me?");
  tunnel.cutBefore(id);
  await eventually(() => tunnel.cuts === 1, { otherwise: () => "no answer came" });
  const stored = await node.as(request.center).history(request.id);
  assert.deepEqual(stored.map(({ clientMessageId }) => clientMessageId), [id], "it is stored, and its sender does not know");
  await eventually(() => customer.client.connection === "offline");
  for (const phone of [customer, technician]) await phone.shows(["customer: did you hear me?"]);
  customer.client.send("then all is well");
  for (const phone of [customer, technician]) await phone.shows(["customer: did you hear me?", "customer: then all is well"]);
  assert.equal((await node.as(request.center).history(request.id)).length, 2);
  await close();
});

test("the app is closed with messages on their way, and opened again", async () => {
  const { request, customer, technician } = await twoPhones();
  technician.client.send("hello");
  await customer.shows(["technician: hello"]);
  await node.kill();
  customer.client.send("on its way");
  await customer.closeApp();
  await node.start();
  await eventually(() => technician.client.connection === "online", { patience: 30_000 });
  technician.client.send("still there?");
  await eventually(() => technician.client.outbox.length === 0);
  await customer.openApp();
  const all = ["technician: hello", "technician: still there?", "customer: on its way"];
  for (const phone of [customer, technician]) await phone.shows(all);
  assert.equal((await node.as(request.center).history(request.id)).length, 3);
  await Promise.all([customer.closeApp(), technician.closeApp()]);
});

test("what is refused is shown as not sent, and may be tried again", async () => {
  const { request, customer, technician } = await twoPhones();
  await request.report(node, { status: "closed" });
  await eventually(() => customer.client.status === "closed");
  const id = customer.client.send("one more thing");
  await customer.shows(["not sent: one more thing"]);
  assert.equal(customer.client.outbox[0].code, "closed");
  await request.report(node, { status: "open" });
  await eventually(() => customer.client.status === "open");
  customer.client.retry(id);
  for (const phone of [customer, technician]) await phone.shows(["customer: one more thing"]);
  assert.equal(technician.client.messages[0].clientMessageId, id);
  await Promise.all([customer.closeApp(), technician.closeApp()]);
});

test("a short absence of the database stays invisible", async () => {
  const { customer, technician } = await twoPhones();
  await cluster.postgres.stop();
  customer.client.send("patience");
  await pause(1_000);
  assert.deepEqual(customer.lines, ["sending: patience"]);
  await cluster.postgres.start();
  for (const phone of [customer, technician]) await phone.shows(["customer: patience"], 30_000);
  await Promise.all([customer.closeApp(), technician.closeApp()]);
});

test("a technician who was re-assigned is told, and stops asking", async () => {
  const { request, customer, technician } = await twoPhones();
  await request.report(node, { technicianId: "somebody-else" });
  await eventually(() => technician.client.connection === "refused");
  // The customer sees who it is now, and when they come.
  const technicians = () => customer.client.parties.filter(({ role }) => role === "technician");
  await eventually(() => technicians()[0].userId === "somebody-else");
  assert.deepEqual(technicians(), [{ userId: "somebody-else", role: "technician", online: false }]);
  customer.client.send("who are you?");
  await customer.shows(["customer: who are you?"]);
  assert.deepEqual(technician.lines, []);
  const successor = await new Phone(request, request.technicianId, request.technician).openApp();
  await successor.shows(["customer: who are you?"]);
  await eventually(() => technicians()[0].online);
  await Promise.all([customer, technician, successor].map((phone) => phone.closeApp()));
});

test("a long conversation is stored in part, and read back page by page", async () => {
  const { request, customer, technician } = await twoPhones();
  const texts = range(1, 320).map((count) => `text ${count}`);
  for (const text of texts.slice(0, 160)) technician.client.send(text);
  await eventually(() => technician.client.outbox.length === 0);
  for (const text of texts.slice(160)) technician.client.send(text);
  const all = texts.map((text) => `technician: ${text}`);
  await customer.shows(all);
  await customer.closeApp();
  await customer.openApp();
  await customer.shows(all.slice(120));
  await eventually(() => customer.client.connection === "online");
  for (const first of [70, 20, 0]) {
    assert.ok(customer.client.hasOlder);
    await Promise.all([customer.client.loadOlder(), customer.client.loadOlder()]);
    await customer.shows(all.slice(first));
  }
  assert.equal(customer.client.hasOlder, false);
  await customer.client.loadOlder();
  assert.equal(customer.client.messages.length, 320);
  await Promise.all([customer.closeApp(), technician.closeApp()]);
});

test("tokens end all the time, and nobody notices", async () => {
  const request = await cluster.open(node);
  const seconds = () => Math.floor(Date.now() / 1000);
  let asked = 0;
  const short = async () => {
    asked += 1;
    return cluster.token({ sub: request.customerId, role: "customer", exp: seconds() + 2 });
  };
  const customer = await new Phone(request, request.customerId, short).openApp();
  const technician = await new Phone(request, request.technicianId, request.technician).openApp();
  const said = [];
  for (const count of range(1, 60)) {
    said.push(`customer: text ${count}`);
    customer.client.send(`text ${count}`);
    await pause(100);
  }
  for (const phone of [customer, technician]) await phone.shows(said);
  assert.ok(asked >= 4, `${asked} tokens for two connects or more, each of which negotiates and connects`);
  await Promise.all([customer.closeApp(), technician.closeApp()]);
});

test("a new epoch drops what is there", async () => {
  const { request, customer, technician } = await twoPhones();
  for (const text of ["one", "two", "three"]) customer.client.send(text);
  await technician.shows(["customer: one", "customer: two", "customer: three"]);
  await technician.closeApp();
  // What a restore to an earlier time comes to: the last message is another one.
  await cluster.sql(
    `update hubline.message set body = 'another three' where seq = 3
     and service_request = (select key from hubline.service_request where id = $1)`,
    [request.id],
  );
  await cluster.hubline(["epoch", "renew"]);
  await technician.openApp();
  await technician.shows(["customer: one", "customer: two", "customer: another three"]);
  await Promise.all([customer.closeApp(), technician.closeApp()]);
});
