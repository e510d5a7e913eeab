// The page of operations, as one person sees it in a browser.

import assert from "node:assert/strict";
import { join } from "node:path";

export const DESK = { width: 1200, height: 900 };
export const PHONE = { width: 390, height: 780 };

/** How long something may take that a pipeline does. */
const PIPELINE_MS = 120_000;

export class OperationsDesk {
  /** What the browser complained about. */
  complaints = [];

  /** @param {{viewport?: object, incident?: string, paste?: boolean}} [how] where it begins, and whether the token is pasted */
  static async open(browser, origin, tokens, { viewport = DESK, incident, paste = false } = {}) {
    const desk = new OperationsDesk();
    const context = await browser.newContext({ viewport });
    desk.tab = await context.newPage();
    desk.tab.setDefaultTimeout(30_000);
    desk.tab.on("pageerror", (error) => desk.complaints.push(String(error)));
    // The browser reports every refusal of the server to the console; the page shows them itself.
    desk.tab.on("console", (line) => line.type() === "error" && !/the server responded with a status|ERR_CONNECTION|ERR_FAILED/.test(line.text()) && desk.complaints.push(line.text()));
    const fragment = new URLSearchParams(paste ? [] : tokens.map((token) => ["token", token]));
    if (incident && !paste) fragment.append("incident", incident);
    await desk.tab.goto(`${origin}/operations#${paste ? (incident ?? "") : fragment}`);
    if (paste) {
      await desk.fill("Token", tokens[0]);
      await desk.press("Log in");
    }
    return desk;
  }

  button(name) {
    return this.tab.getByRole("button", { name, exact: true });
  }

  press(name) {
    return this.button(name).click();
  }

  fill(label, text, form = this.tab) {
    return form.getByLabel(label, { exact: true }).first().fill(text);
  }

  form(name) {
    return this.tab.getByRole("form", { name, exact: true });
  }

  card(name) {
    return this.tab.locator(`[aria-labelledby="${name}"]`);
  }

  sees(text) {
    return this.tab.getByText(text).first().waitFor();
  }

  /** Unfolds what is out of the way. */
  unfold(summary) {
    return this.tab.locator("summary").getByText(summary, { exact: true }).click();
  }

  incidentIs(state, timeout = PIPELINE_MS) {
    return this.tab.locator(`.incident-head[data-state="${state}"]`).waitFor({ timeout });
  }

  /** The latest run is in a state. */
  runIs(state) {
    return this.tab.locator(`.run[data-state="${state}"]`).first().waitFor({ timeout: PIPELINE_MS });
  }

  async opensPreview() {
    await this.press("Open the preview");
    await this.tab.getByRole("checkbox").first().waitFor();
  }

  async acknowledges() {
    for (const box of await this.tab.getByRole("checkbox").all()) await box.check();
  }

  async approves(person) {
    await this.opensPreview();
    await this.acknowledges();
    await this.press("Approve");
    await this.tab.locator(`.approvals li[data-person="${person}"]`).waitFor();
  }

  text() {
    return this.tab.locator("body").innerText();
  }

  /** By how much something sticks out to the side. */
  overflow() {
    return this.tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  /** Keeps what is to be seen, where somebody wants to look at it. */
  async picture(name) {
    if (process.env.SCREENSHOTS) await this.tab.screenshot({ path: join(process.env.SCREENSHOTS, `operations-${name}.png`), fullPage: true });
  }

  async close() {
    assert.deepEqual(this.complaints, []);
    await this.tab.context().close();
  }
}
