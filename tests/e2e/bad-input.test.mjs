// Must hold: whatever comes in, the documented error goes out, nothing is stored, and nothing breaks. What is said of who asks,
// by tokens, browsers and proxies: bad-callers.test.mjs.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { Party } from "../system/party.mjs";
import { RawHub, SEPARATOR } from "../system/raw-hub.mjs";
import { unharmed } from "../system/unharmed.mjs";

let cluster;
let node;
let request;
/** Asserts that nothing has changed, and that the node lives. */
let assertUnharmed;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
  request = await cluster.open(node);
  await node.as(request.customer).send(request.id, "the only one");
  assertUnharmed = await unharmed(cluster, node);
});
after(() => cluster?.stop());

/** With `UUID` in the place of a good id. */
const UUID = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
const text = (body, more = {}) => ({ clientMessageId: UUID, body, ...more });
const open = (changes = {}) => ({ customerId: "c", serviceCenterId: "n", status: "open", ...changes });
const MESSAGES = (id = request.id) => `/v1/service-requests/${id}/messages`;
const REQUEST = (id = request.id) => `/v1/service-requests/${id}`;

/** `[name, method, path, what else, status, code, fields at fault]` */
const HTTP = [
  ["no body", "POST", () => MESSAGES(), {}, 415, "unsupported_media_type"],
  ["an empty body", "POST", () => MESSAGES(), { body: "" }, 400, "malformed"],
  ["half an object", "POST", () => MESSAGES(), { body: '{"clientMessageId":' }, 400, "malformed"],
  ["an array", "POST", () => MESSAGES(), { body: "[]" }, 400, "malformed"],
  ["null", "POST", () => MESSAGES(), { body: "null" }, 400, "malformed"],
  ["a number", "POST", () => MESSAGES(), { body: "1" }, 400, "malformed"],
  ["two objects", "POST", () => MESSAGES(), { body: "{} {}" }, 400, "malformed"],
  ["no UTF-8", "POST", () => MESSAGES(), { body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]) }, 400, "malformed"],
  ["half a surrogate pair", "POST", () => MESSAGES(), { body: `{"clientMessageId":"${UUID}","body":"\\ud800"}` }, 400, "malformed"],
  ["a thousand brackets", "POST", () => MESSAGES(), { body: "[".repeat(1000) }, 400, "malformed"],
  ["an object of a thousand levels", "POST", () => MESSAGES(), { body: '{"a":'.repeat(1000) + "1" + "}".repeat(1000) }, 400, "malformed"],
  ["nothing in it", "POST", () => MESSAGES(), { body: {} }, 422, "invalid", ["clientMessageId", "body"]],
  ["no text", "POST", () => MESSAGES(), { body: { clientMessageId: UUID } }, 422, "invalid", ["body"]],
  ["no id", "POST", () => MESSAGES(), { body: { body: "x" } }, 422, "invalid", ["clientMessageId"]],
  ["an empty text", "POST", () => MESSAGES(), { body: text("") }, 422, "invalid", ["body"]],
  ["a blank text", "POST", () => MESSAGES(), { body: text(" \n\t\u00a0") }, 422, "invalid", ["body"]],
  ["4,001 characters", "POST", () => MESSAGES(), { body: text("x".repeat(4001)) }, 422, "invalid", ["body"]],
  ["4,001 emoji", "POST", () => MESSAGES(), { body: text("👍".repeat(4001)) }, 422, "invalid", ["body"]],
  ["a NUL in the text", "POST", () => MESSAGES(), { body: text("a\0b") }, 422, "invalid", ["body"]],
  ["a NUL among line ends", "POST", () => MESSAGES(), { body: text("a\r\n\0\r") }, 422, "invalid", ["body"]],
  ["nothing but line ends", "POST", () => MESSAGES(), { body: text("\r\n\r\r\n") }, 422, "invalid", ["body"]],
  ["nothing but control characters", "POST", () => MESSAGES(), { body: text("\u0001\u001b\u007f\u0085") }, 422, "invalid", ["body"]],
  ["4,001 characters once the control characters are gone", "POST", () => MESSAGES(), { body: text(`${"x".repeat(4000)}\r\nx`) }, 422, "invalid", ["body"]],
  ["a number as text", "POST", () => MESSAGES(), { body: text(1) }, 422, "invalid", ["body"]],
  ["an object as text", "POST", () => MESSAGES(), { body: text({}) }, 422, "invalid", ["body"]],
  ["null as text", "POST", () => MESSAGES(), { body: text(null) }, 422, "invalid", ["body"]],
  ["an id that is no UUID", "POST", () => MESSAGES(), { body: text("x", { clientMessageId: "1" }) }, 422, "invalid", ["clientMessageId"]],
  ["an id in braces", "POST", () => MESSAGES(), { body: text("x", { clientMessageId: `{${UUID}}` }) }, 422, "invalid", ["clientMessageId"]],
  ["a number as id", "POST", () => MESSAGES(), { body: text("x", { clientMessageId: 7 }) }, 422, "invalid", ["clientMessageId"]],
  ["an id with SQL", "POST", () => MESSAGES(), { body: text("x", { clientMessageId: "'; drop table hubline.message; --" }) }, 422, "invalid", ["clientMessageId"]],
  ["100 KB", "POST", () => MESSAGES(), { body: text("x".repeat(100_000)) }, 413, "too_large"],
  ["1 MB", "POST", () => MESSAGES(), { body: "x".repeat(1_000_000) }, 413, "too_large"],
  ["plain text", "POST", () => MESSAGES(), { body: "x", type: "text/plain" }, 415, "unsupported_media_type"],
  ["a form", "POST", () => MESSAGES(), { body: "body=x", type: "application/x-www-form-urlencoded" }, 415, "unsupported_media_type"],
  ["JSON without saying so", "POST", () => MESSAGES(), { body: new TextEncoder().encode(JSON.stringify(text("x"))), type: "" }, 415, "unsupported_media_type"],
  ["almost JSON's type", "POST", () => MESSAGES(), { body: JSON.stringify(text("x")), type: "application/jsonp" }, 415, "unsupported_media_type"],
  ["a space in the name", "POST", () => MESSAGES("a%20b"), { body: text("x") }, 422, "invalid", ["id"]],
  ["an escaped name", "GET", () => REQUEST("%41"), {}, 422, "invalid", ["id"]],
  ["a name of 65 characters", "GET", () => REQUEST("x".repeat(65)), {}, 422, "invalid", ["id"]],
  ["a name with an umlaut", "GET", () => MESSAGES("%C3%A4"), {}, 422, "invalid", ["id"]],
  ["a name with a NUL", "GET", () => REQUEST("a%00"), {}, 422, "invalid", ["id"]],
  ["a name that is not there", "POST", () => MESSAGES("missing"), { body: text("x") }, 404, "not_found"],
  ["an address that is not there", "GET", () => "/v1/nothing", {}, 404, "not_found"],
  ["an address beyond messages", "GET", () => `${MESSAGES()}/1`, {}, 404, "not_found"],
  ["the internal way", "POST", () => "/internal/messages", { body: {} }, 404, "not_found"],
  ["the internal way, escaped", "POST", () => "/%69nternal/join", { body: {} }, 404, "not_found"],
  ["the internal readiness", "GET", () => "/internal/ready", {}, 404, "not_found"],
  ["the internal readiness with a key", "GET", () => "/internal/ready", { headers: { "x-hubline-key": "x" } }, 404, "not_found"],
  ["the internal readiness, round about", "GET", () => "//v1/..%2finternal/./READY", {}, 404, "not_found"],
  ["the hub with two slashes", "GET", () => "/hubs/chat//", {}, 404, "not_found"],
  ["the hub with two slashes within", "GET", () => "/hubs//chat", {}, 404, "not_found"],
  ["a POST to the hub with two slashes", "POST", () => "/hubs/chat//", { body: {} }, 404, "not_found"],
  ["negotiate with two slashes", "POST", () => "/hubs/chat/negotiate//", {}, 404, "not_found"],
  ["negotiate behind two slashes", "POST", () => "/hubs/chat//negotiate", {}, 404, "not_found"],
  ["a GET of the hub that is no WebSocket", "GET", () => "/hubs/chat/", {}, 400, "malformed"],
  ["DELETE of messages", "DELETE", () => MESSAGES(), {}, 405, "method_not_allowed"],
  ["PUT of messages", "PUT", () => MESSAGES(), { body: text("x") }, 405, "method_not_allowed"],
  ["POST of a service request", "POST", () => REQUEST(), { body: open() }, 405, "method_not_allowed"],
  ["a method of one's own", "BREW", () => REQUEST(), {}, 405, "method_not_allowed"],
  ["GET of negotiate", "GET", () => "/hubs/chat/negotiate", {}, 405, "method_not_allowed"],
  ["PUT of the hub", "PUT", () => "/hubs/chat", {}, 405, "method_not_allowed"],
  ["DELETE of the health", "DELETE", () => "/healthz", {}, 405, "method_not_allowed"],
  ["POST of the page", "POST", () => "/", { body: {} }, 405, "method_not_allowed"],
  ["a limit of 0", "GET", () => `${MESSAGES()}?limit=0`, {}, 422, "invalid", ["limit"]],
  ["a limit of 201", "GET", () => `${MESSAGES()}?limit=201`, {}, 422, "invalid", ["limit"]],
  ["a limit of words", "GET", () => `${MESSAGES()}?limit=ten`, {}, 422, "invalid", ["limit"]],
  ["an empty cursor", "GET", () => `${MESSAGES()}?afterSeq=`, {}, 422, "invalid", ["afterSeq"]],
  ["a negative cursor", "GET", () => `${MESSAGES()}?afterSeq=-1`, {}, 422, "invalid", ["afterSeq"]],
  ["a cursor with a fraction", "GET", () => `${MESSAGES()}?beforeSeq=1.5`, {}, 422, "invalid", ["beforeSeq"]],
  ["a cursor beyond all numbers", "GET", () => `${MESSAGES()}?afterSeq=9223372036854775808`, {}, 422, "invalid", ["afterSeq"]],
  ["a misspelled cursor", "GET", () => `${MESSAGES()}?afterseq=1`, {}, 422, "invalid", ["afterseq"]],
  ["parameters that nobody knows", "GET", () => `${MESSAGES()}?limit=1&page=2&&sort`, {}, 422, "invalid", ["page", "sort"]],
  ["a parameter without a name", "GET", () => `${MESSAGES()}?=1`, {}, 422, "invalid", [""]],
  ["a cursor with a fraction of nothing", "GET", () => `${MESSAGES()}?afterSeq=1.0`, {}, 422, "invalid", ["afterSeq"]],
  ["a token as a parameter", "GET", () => `${REQUEST()}?access_token=x`, {}, 422, "invalid", ["access_token"]],
  ["a parameter to a message", "POST", () => `${MESSAGES()}?urgent=1`, { body: text("x") }, 422, "invalid", ["urgent"]],
  ["a parameter to a report", "PUT", () => `${REQUEST("new")}?force`, { body: open(), as: "platform" }, 422, "invalid", ["force"]],
  ["a report without parties", "PUT", () => REQUEST("new"), { body: {}, as: "platform" }, 422, "invalid", ["customerId", "serviceCenterId", "status"]],
  ["a report of an unknown status", "PUT", () => REQUEST("new"), { body: open({ status: "paused" }), as: "platform" }, 422, "invalid", ["status"]],
  ["a report of no customer", "PUT", () => REQUEST("new"), { body: open({ customerId: "" }), as: "platform" }, 422, "invalid", ["customerId"]],
  ["a customer of 129 characters", "PUT", () => REQUEST("new"), { body: open({ customerId: "x".repeat(129) }), as: "platform" }, 422, "invalid", ["customerId"]],
  ["a technician of another type", "PUT", () => REQUEST("new"), { body: open({ technicianId: 7 }), as: "platform" }, 422, "invalid", ["technicianId"]],
  ["closed at some time", "PUT", () => REQUEST("new"), { body: open({ status: "closed", closedAt: "yesterday" }), as: "platform" }, 422, "invalid", ["closedAt"]],
  ["closed on 30 February", "PUT", () => REQUEST("new"), { body: open({ status: "closed", closedAt: "2024-02-30T00:00:00Z" }), as: "platform" }, 422, "invalid", ["closedAt"]],
  ["closed in the future", "PUT", () => REQUEST("new"), { body: open({ status: "closed", closedAt: "2999-01-01T00:00:00Z" }), as: "platform" }, 422, "invalid", ["closedAt"]],
  ["open and closed at once", "PUT", () => REQUEST("new"), { body: open({ closedAt: "2024-01-01T00:00:00Z" }), as: "platform" }, 422, "invalid", ["closedAt"]],
  ["closed two minutes from now", "PUT", () => REQUEST("new"), { body: open({ status: "closed", closedAt: new Date(Date.now() + 120_000).toISOString() }), as: "platform" }, 422, "invalid", ["closedAt"]],
  ["a revision below 0", "PUT", () => REQUEST("new"), { body: open({ revision: -1 }), as: "platform" }, 422, "invalid", ["revision"]],
  ["a revision with a fraction", "PUT", () => REQUEST("new"), { body: open({ revision: 1.5 }), as: "platform" }, 422, "invalid", ["revision"]],
  ["a revision in words", "PUT", () => REQUEST("new"), { body: open({ revision: "7" }), as: "platform" }, 422, "invalid", ["revision"]],
  ["a revision beyond all numbers", "PUT", () => REQUEST("new"), { body: JSON.stringify(open()).replace("}", ',"revision":9223372036854775808}'), as: "platform" }, 422, "invalid", ["revision"]],
  ["a revision that is a list", "PUT", () => REQUEST("new"), { body: open({ revision: [1] }), as: "platform" }, 422, "invalid", ["revision"]],
  ["a condition without quotes", "PUT", () => REQUEST("new"), { body: open(), as: "platform", headers: { "if-match": "7" } }, 422, "invalid", ["If-Match"]],
  ["an empty condition", "PUT", () => REQUEST("new"), { body: open(), as: "platform", headers: { "if-match": "" } }, 412, "version_mismatch"],
  ["half a tag", "GET", () => REQUEST(), { headers: { "if-none-match": '"' } }, 422, "invalid", ["If-None-Match"]],
  ["a report unless it is as seen", "PUT", () => REQUEST("new"), { body: open(), as: "platform", headers: { "if-none-match": '"1"' } }, 422, "invalid", ["If-None-Match"]],
  ["a condition on what is not there", "PUT", () => REQUEST("new"), { body: open(), as: "platform", headers: { "if-match": "*" } }, 412, "version_mismatch"],
  ["a condition that nothing can meet", "PUT", () => REQUEST(), { body: open(), as: "platform", headers: { "if-match": '"*.1", W/"x"' } }, 412, "version_mismatch"],
  ["a report that is no JSON", "PUT", () => REQUEST("new"), { body: "open", as: "platform" }, 400, "malformed"],
  ["a report by a customer", "PUT", () => REQUEST("new"), { body: open() }, 403, "forbidden"],
];

for (const [name, method, path, { as = "customer", ...options }, status, code, fields] of HTTP) {
  test(`over HTTP: ${name}`, async () => {
    const answer = await node.as(request[as]).call(method, path(), options);
    const { type, body } = answer;
    assert.deepEqual([answer.status, body.code, type], [status, code, "application/problem+json"], JSON.stringify(body));
    assert.equal(body.status, status);
    for (const member of ["type", "title", "detail"]) assert.equal(typeof body[member], "string", member);
    assert.deepEqual(body.errors?.map(({ field }) => field), fields);
    if (status === 405) assert.match(answer.headers.get("allow"), /[A-Z]/);
    await assertUnharmed();
  });
}

const good = () => text("x", { clientMessageId: crypto.randomUUID() });

/** `[name, method, arguments, code]` */
const INVOCATIONS = [
  ["no arguments to join", "JoinServiceRequest", [], "malformed"],
  ["too many arguments to join", "JoinServiceRequest", ["a", 1, "e", 4], "malformed"],
  ["a number as service request", "JoinServiceRequest", [7, 0, null], "malformed"],
  ["null as service request", "JoinServiceRequest", [null], "invalid"],
  ["a cursor of words", "JoinServiceRequest", ["REQUEST", "one", null], "malformed"],
  ["a cursor with a fraction", "JoinServiceRequest", ["REQUEST", 1.5, null], "malformed"],
  ["a cursor beyond all numbers", "JoinServiceRequest", ["REQUEST", 1e19, null], "malformed"],
  ["a cursor that is true", "JoinServiceRequest", ["REQUEST", true, null], "malformed"],
  ["a negative cursor with a fraction of nothing", "JoinServiceRequest", ["REQUEST", "RAW:-1.0", null], "invalid"],
  ["a negative cursor", "JoinServiceRequest", ["REQUEST", -1, null], "invalid"],
  ["an epoch that is a number", "JoinServiceRequest", ["REQUEST", 0, 7], "malformed"],
  ["a service request that is not there", "JoinServiceRequest", ["missing", 0, null], "not_found"],
  ["a service request with a space", "JoinServiceRequest", ["a b", 0, null], "invalid"],
  ["a service request of 100 characters", "JoinServiceRequest", ["x".repeat(100), 0, null], "invalid"],
  ["no message", "SendMessage", ["REQUEST"], "malformed"],
  ["a text as message", "SendMessage", ["REQUEST", "hello"], "malformed"],
  ["null as message", "SendMessage", ["REQUEST", null], "malformed"],
  ["an empty message", "SendMessage", ["REQUEST", {}], "invalid"],
  ["a message without id", "SendMessage", ["REQUEST", { body: "x" }], "invalid"],
  ["a message with a bad id", "SendMessage", ["REQUEST", { clientMessageId: "1", body: "x" }], "invalid"],
  ["a message with an empty text", "SendMessage", ["REQUEST", text("")], "invalid"],
  ["a message with 4,001 characters", "SendMessage", ["REQUEST", text("x".repeat(4001))], "invalid"],
  ["a message with a NUL", "SendMessage", ["REQUEST", text("\0")], "invalid"],
  ["a message with a number as text", "SendMessage", ["REQUEST", text(7)], "malformed"],
  ["a message of a thousand levels", "SendMessage", ["REQUEST", JSON.parse("[".repeat(1000) + "]".repeat(1000))], "malformed"],
  ["a message to nobody", "SendMessage", ["missing", good()], "not_found"],
  ["a message to a bad name", "SendMessage", ["a b", good()], "invalid"],
  ["a method that is not there", "DropTables", [], "not_found"],
  ["a method with a space", "SendMessage ", ["REQUEST", good()], "not_found"],
  ["a method with underscores", "send_message", ["REQUEST", good()], "not_found"],
  ["properties of other names", "SendMessage", ["REQUEST", { client_message_id: UUID, text: "x" }], "invalid"],
  ["100 KB of a message", "SendMessage", ["REQUEST", text("x".repeat(100_000))], "too_large"],
  ["3 MB of a message", "sendMessage", ["REQUEST", text("👍".repeat(750_000))], "too_large"],
  ["100 KB that are no argument of anything", "SendMessage", ["REQUEST", good(), "x".repeat(100_000)], "too_large"],
];

for (const [name, method, given, code] of INVOCATIONS) {
  test(`over the hub: ${name}`, async () => {
    const hub = await RawHub.shake(node, request.customer);
    const args = given.map((value) => (value === "REQUEST" ? request.id : value));
    const invoke = (target, parameters) => {
      const json = JSON.stringify({ type: 1, invocationId: target, target, arguments: parameters });
      hub.say(json.replace(/"RAW:([^"]*)"/, "$1") + SEPARATOR);
    };
    invoke(method, args);
    const answer = JSON.parse(await hub.next());
    assert.equal(answer.type, 3);
    assert.match(answer.error ?? `result ${JSON.stringify(answer.result)}`, new RegExp(`^${code}: `));
    await assertUnharmed();
    // The connection is as good as before.
    invoke("JoinServiceRequest", [request.id, null, null]);
    assert.equal(JSON.parse(await hub.next()).result.lastSeq, 1);
    hub.end();
  });
}

const invocation = (changes) =>
  JSON.stringify({ type: 1, invocationId: "1", target: "SendMessage", arguments: [request.id, good()], ...changes });

/** Frames that no client sends: the connection is closed with a reason. */
const FRAMES = {
  "no JSON": () => "hello" + SEPARATOR,
  "half an object": () => '{"type":1' + SEPARATOR,
  "an array": () => "[1]" + SEPARATOR,
  "no type": () => "{}" + SEPARATOR,
  "a type that is a text": () => '{"type":"1"}' + SEPARATOR,
  "no target": () => '{"type":1,"arguments":[]}' + SEPARATOR,
  "arguments that are no list": () => invocation({ arguments: "x" }) + SEPARATOR,
  "an invocation id that is a number": () => invocation({ invocationId: 1 }) + SEPARATOR,
  "100 KB to which nobody waits for an answer": () => invocation({ invocationId: undefined, padding: "x".repeat(100_000) }) + SEPARATOR,
  "100 KB with an invocation id that is a number": () => invocation({ invocationId: 1, padding: "x".repeat(100_000) }) + SEPARATOR,
  "100 KB that invoke nothing": () => invocation({ type: 3, padding: "x".repeat(100_000) }) + SEPARATOR,
  "100 KB without an end": () => "x".repeat(100_000),
  "a thousand brackets": () => "[".repeat(1000) + SEPARATOR,
};

for (const [name, frame] of Object.entries(FRAMES)) {
  test(`as a frame: ${name}`, async () => {
    const hub = await RawHub.shake(node, request.customer);
    hub.say(frame());
    const answer = JSON.parse((await hub.next()) ?? "null");
    assert.equal(answer?.type, 7, "a close message says why");
    assert.equal(typeof answer.error, "string");
    assert.ok(await hub.closed());
    await assertUnharmed();
  });
}

/** Frames that break the rules of WebSockets: `[bytes as they are on the wire, the code of the close]`. The mask is 0. */
const VIOLATIONS = {
  "a reserved bit": ["c1810000000078", 1002],
  "an unknown kind": ["83810000000078", 1002],
  "no mask": ["810178", 1002],
  "a continuation of nothing": ["80810000000078", 1002],
  "a text within a text": ["0181000000007881810000000079", 1002],
  "a ping in pieces": ["09810000000078", 1002],
  "a ping of 126 bytes": [`89fe007e00000000${"78".repeat(126)}`, 1002],
  "a goodbye of one byte": ["88810000000003", 1002],
  "a goodbye with a code that nobody may send": ["88820000000003ed", 1002],
  "a negative length": ["81ff800000000000000000000000", 1002],
  "what is no UTF-8": ["818300000000fffe1e", 1007],
  "half a character": ["81820000000041e2", 1007],
  "a length of 4 GB": ["81ff000000010000000000000000", 1009],
};

for (const [name, [hex, code]] of Object.entries(VIOLATIONS)) {
  test(`as a WebSocket frame: ${name}`, async () => {
    const hub = await RawHub.shake(node, request.customer);
    hub.sayBytes(Buffer.from(hex, "hex"));
    assert.equal(await hub.closed(), code);
    await assertUnharmed();
  });
}

/** First messages that are no handshake: an error comes back, and the connection ends. */
const HANDSHAKES = {
  "no JSON": "hello",
  "nothing in it": "{}",
  "an array": "[]",
  "another protocol": '{"protocol":"messagepack","version":1}',
  "a version to come": '{"protocol":"json","version":99}',
  "a version beyond all numbers": '{"protocol":"json","version":-2147483649}',
  "a version that is a text": '{"protocol":"json","version":"1"}',
  "an invocation instead": '{"type":1,"target":"SendMessage","arguments":[]}',
};

for (const [name, message] of Object.entries(HANDSHAKES)) {
  test(`as a handshake: ${name}`, async () => {
    const hub = await RawHub.open(node, request.customer);
    hub.say(message + SEPARATOR);
    assert.equal(typeof JSON.parse(await hub.next()).error, "string");
    assert.ok(await hub.closed());
    await assertUnharmed();
  });
}

/** Bytes that are no HTTP: answered or hung up on, and survived. */
const BYTES = {
  "garbage": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  "no such version": "GET / HTTP/9.9\r\n\r\n",
  "a header without a name": "GET / HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n",
  "a header of 1 MB": `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(1_000_000)}\r\n\r\n`,
  "two lengths": "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
  "a negative length": "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
  "a chunk of no size": "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
  "an upgrade without a key": "GET /hubs/chat HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
};

for (const [name, bytes] of Object.entries(BYTES)) {
  test(`as bytes: ${name}`, async () => {
    const socket = connect(node.port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    let answer = "";
    socket.setEncoding("latin1").on("data", (part) => (answer += part));
    socket.write(bytes, "latin1", () => {});
    socket.setTimeout(1_000, () => socket.destroy());
    await once(socket, "close");
    assert.match(answer, /^($|HTTP\/1\.1 4\d\d )/);
    await assertUnharmed();
  });
}

test("after all of it the conversation goes on", async () => {
  const technician = await Party.connect(node, request.technician);
  await technician.join(request.id, 0);
  const { status } = await node.as(request.customer).send(request.id, "still here");
  assert.equal(status, 201);
  await technician.receives(request.id, 2);
  await technician.stop();
});
