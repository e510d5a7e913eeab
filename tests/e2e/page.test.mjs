// Must hold: a newcomer opens the page and watches two people talk, whatever happens to the server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser } from "../system/browser.mjs";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause } from "../system/eventually.mjs";

let cluster;
let node;
let browser;

before(async () => {
  [cluster, browser] = await Promise.all([Cluster.start(), launchBrowser()]);
  node = await cluster.node();
});
after(async () => {
  await browser?.close();
  await cluster?.stop();
});

/** The page with both parties of a service request, as one tab shows it. */
class Page {
  /** What the browser complained about. */
  complaints = [];

  static async open(request, viewport = { width: 1100, height: 800 }) {
    const page = new Page();
    page.tab = await browser.newPage({ viewport });
    page.tab.on("pageerror", (error) => page.complaints.push(String(error)));
    // A lost connection is news to the console; anything else is a fault.
    page.tab.on("console", (line) => {
      if (line.type() === "error" && !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(line.text())) page.complaints.push(line.text());
    });
    const demo = {
      serviceRequestId: request.id,
      customer: { token: request.customer, userId: request.customerId },
      technician: { token: request.technician, userId: request.technicianId },
    };
    const fragment = Buffer.from(JSON.stringify(demo)).toString("base64url");
    await page.tab.goto(`${node.origin}/#demo=${fragment}`);
    return page;
  }

  pane(role) {
    return this.tab.locator(`.pane[data-role="${role}"]`);
  }

  async connected() {
    for (const role of ["customer", "technician"]) {
      await this.tab.waitForSelector(`.pane[data-role="${role}"][data-connection="online"]`, { timeout: 30_000 });
    }
    return this;
  }

  async says(role, text) {
    await this.pane(role).getByLabel("Message", { exact: true }).fill(text);
    await this.pane(role).getByRole("button", { name: "Send" }).click();
  }

  /** What a pane shows: `[text, note]` of each message. */
  shown(role) {
    return this.pane(role).locator(".message").evaluateAll((rows) =>
      rows.map((row) => [row.querySelector(".text").textContent, row.querySelector('[data-part="note"]').textContent]),
    );
  }

  async shows(role, expected, patience = 20_000) {
    const right = (rows) =>
      rows.length === expected.length &&
      rows.every(([text, note], place) => text === expected[place][0] && expected[place][1].test(note));
    let rows;
    await eventually(async () => right((rows = await this.shown(role))), {
      patience,
      otherwise: () => `the ${role} sees ${JSON.stringify(rows)}`,
    });
  }

  present(role) {
    return this.pane(role).locator(".parties li").allTextContents();
  }
}

const SENT = /^Sent, /;
const SENDING = /^Sending…$/;
const RECEIVED = /^\d\d:\d\d/;

test("a customer and a technician talk", async () => {
  const request = await cluster.open(node);
  const page = await (await Page.open(request)).connected();
  await page.says("customer", "the boiler is cold");
  await page.shows("technician", [["the boiler is cold", RECEIVED]]);
  await page.shows("customer", [["the boiler is cold", SENT]]);
  await page.pane("technician").getByLabel("Message", { exact: true }).fill("I am on my way\nwith a new pump");
  await page.pane("technician").getByLabel("Message", { exact: true }).press("Enter");
  for (const [role, notes] of [["customer", [SENT, RECEIVED]], ["technician", [RECEIVED, SENT]]]) {
    await page.shows(role, [["the boiler is cold", notes[0]], ["I am on my way\nwith a new pump", notes[1]]]);
    assert.deepEqual(await page.present(role), [
      `Customer${role === "customer" ? " (you)" : ""}: connected`,
      `Technician${role === "technician" ? " (you)" : ""}: connected`,
      "Service centre: away",
    ]);
  }
  assert.match(await page.tab.title(), /Hubline/);

  // Markup is text, and blank is nothing.
  await page.says("customer", "<img src=x onerror=alert(1)>");
  await page.shows("technician", [["the boiler is cold", RECEIVED], ["I am on my way\nwith a new pump", SENT], ["<img src=x onerror=alert(1)>", RECEIVED]]);
  await page.pane("customer").getByLabel("Message", { exact: true }).fill("  \n ");
  await page.pane("customer").getByRole("button", { name: "Send" }).click();
  await pause(200);
  assert.equal((await page.shown("customer")).length, 3);

  // Everything is there again after a reload.
  await page.tab.reload();
  await page.connected();
  await page.shows("customer", [["the boiler is cold", SENT], ["I am on my way\nwith a new pump", RECEIVED], ["<img src=x onerror=alert(1)>", SENT]]);
  assert.deepEqual(page.complaints, []);
  await page.tab.close();
});

test("the server goes away and comes back", async () => {
  const request = await cluster.open(node);
  const page = await (await Page.open(request)).connected();
  await page.says("customer", "before");
  await page.shows("technician", [["before", RECEIVED]]);

  await node.kill();
  await eventually(() => page.pane("customer").getByText("Connection lost, trying again").isVisible());
  await page.says("customer", "meanwhile");
  await page.says("customer", "and again");
  await page.says("technician", "here as well");
  await page.shows("customer", [["before", SENT], ["meanwhile", SENDING], ["and again", SENDING]]);
  await pause(2_000);
  await node.start();
  await page.connected();
  await eventually(async () => (await page.shown("customer")).length === 4, { patience: 30_000 });
  const history = (await node.as(request.center).history(request.id)).map(({ body }) => body);
  assert.deepEqual(history.toSorted(), ["and again", "before", "here as well", "meanwhile"]);
  assert.ok(history.indexOf("meanwhile") < history.indexOf("and again"));
  const notes = (mine) => history.map((text) => [text, mine(text) ? SENT : RECEIVED]);
  await page.shows("customer", notes((text) => text !== "here as well"));
  await page.shows("technician", notes((text) => text === "here as well"));
  assert.deepEqual(page.complaints, []);
  await page.tab.close();
});

test("a refused message is shown as not sent and can be retried", async () => {
  const request = await cluster.open(node);
  const page = await (await Page.open(request)).connected();
  // What can't be sent stays with its writer, who is told why until they change it.
  const body = page.pane("customer").getByLabel("Message", { exact: true });
  await page.says("customer", "x".repeat(4_001));
  await eventually(() => page.pane("customer").getByText("Not sent: a message has at most 4000 characters").isVisible());
  assert.equal(await body.inputValue(), "x".repeat(4_001));
  assert.deepEqual(await page.shown("customer"), []);
  await body.fill("shorter");
  assert.equal(await page.pane("customer").getByRole("alert").isVisible(), false);
  await page.pane("customer").getByRole("button", { name: "Send" }).click();
  await page.shows("technician", [["shorter", RECEIVED]]);

  // The database is away for longer than the page keeps trying by itself; then "retry" sends the same message.
  await cluster.postgres.stop();
  await page.says("customer", "is it just me?");
  await page.says("technician", "is anybody there?");
  for (const role of ["customer", "technician"]) {
    await eventually(() => page.pane(role).getByText("Not sent: the service can't be reached").isVisible(), { patience: 60_000 });
  }
  await cluster.postgres.start();
  await eventually(() => node.isReady());
  await page.pane("customer").getByRole("button", { name: "Retry" }).click();
  await page.pane("technician").getByRole("button", { name: "Discard" }).click();
  await page.shows("technician", [["shorter", RECEIVED], ["is it just me?", RECEIVED]]);
  assert.equal((await node.as(request.center).history(request.id)).length, 2);

  await request.report(node, { status: "closed" });
  await eventually(() => page.pane("customer").getByText("Closed: reading only").isVisible());
  assert.ok(await page.pane("technician").getByRole("button", { name: "Send" }).isDisabled());
  assert.deepEqual(page.complaints, []);
  await page.tab.close();
});

test("it fits a phone", async () => {
  const request = await cluster.open(node);
  const page = await (await Page.open(request, { width: 360, height: 640 })).connected();
  await page.says("customer", "a-word-without-a-place-to-break-".repeat(8));
  await page.shows("technician", [["a-word-without-a-place-to-break-".repeat(8), RECEIVED]]);
  const { width, height } = await page.tab.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
  }));
  assert.ok(width <= 360, `the page is ${width} px wide`);
  assert.ok(height <= 640, `the page is ${height} px high`);
  for (const role of ["customer", "technician"]) {
    const box = await page.pane(role).getByRole("button", { name: "Send" }).boundingBox();
    assert.ok(box.width >= 44 && box.height >= 44 && box.x + box.width <= 360 && box.y + box.height <= 640);
  }
  if (process.env.SCREENSHOTS) await page.tab.screenshot({ path: `${process.env.SCREENSHOTS}/phone.png` });
  await page.tab.close();
});

test("without a demo in the address it says what to do", async () => {
  for (const fragment of ["", "#demo=", "#demo=nonsense", `#demo=${Buffer.from("{}").toString("base64url")}`]) {
    const tab = await browser.newPage();
    await tab.goto(`${node.origin}/${fragment}`);
    await tab.getByText("A chat for two").waitFor();
    assert.equal(await tab.locator(".pane").count(), 0);
    await tab.close();
  }
});

test("everything is served with its type, a validator and a policy", async () => {
  const types = {
    "/": "text/html; charset=utf-8",
    "/main.js": "text/javascript; charset=utf-8",
    "/chat-client.js": "text/javascript; charset=utf-8",
    "/chat/outbox.js": "text/javascript; charset=utf-8",
    "/signalr.min.js": "text/javascript; charset=utf-8",
    "/style.css": "text/css; charset=utf-8",
    "/icon.svg": "image/svg+xml",
    "/openapi.json": "application/json",
  };
  for (const [path, type] of Object.entries(types)) {
    const answer = await fetch(node.origin + path);
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, type], path);
    assert.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    const again = await fetch(node.origin + path, { headers: { "if-none-match": answer.headers.get("etag") } });
    assert.equal(again.status, 304);
  }
});
