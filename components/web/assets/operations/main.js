/** The page of operations: logs in with a token, and shows the list of incidents or one of them. */

import { Api } from "./api.js";
import { el } from "./element.js";
import { action, field, form } from "./form.js";
import { IncidentPage } from "./incident-page.js";
import { drills, incidentList } from "./incident-list.js";
import { Session } from "./session.js";

/** How often is asked whether something has changed. */
const PACE_MS = 2_000;

const content = document.getElementById("content");
const trouble = document.getElementById("trouble");
const who = document.getElementById("who");

let session = Session.open();
let view = null;
let timer = null;

function login(message) {
  clearTimeout(timer);
  view = null;
  who.replaceChildren();
  say(message);
  const note = "One with a role of operations. It is kept for this tab alone.";
  const fields = [field("Token", "token", { rows: 4, required: true, spellcheck: "false" })];
  content.replaceChildren(
    el("section.card.login", {}, form({ title: "Log in", submit: "Log in", kind: "main", note }, fields, async ({ token }) => {
      session = Session.begin(token);
      say(null);
      show();
    })),
  );
}

/** What is wrong as a whole; null: nothing. */
function say(message) {
  trouble.hidden = !message;
  if (message && trouble.textContent !== message) trouble.textContent = message;
}

/** The list: incidents, and drills for those who may see them. */
class ListPage {
  root = el("div.list");
  #text = "";

  constructor(api) {
    this.api = api;
  }

  tick() {}

  async refresh() {
    const [incidents, due] = await Promise.all([this.api.incidents(), session.may("operator", "commander") ? this.api.drills().catch(() => null) : null]);
    const text = JSON.stringify([incidents, due]);
    if (text === this.#text) return;
    this.#text = text;
    const start = (kind) => action("Start", async () => {
      await this.api.startDrill(kind);
      await this.refresh();
    });
    this.root.replaceChildren(...[incidentList(incidents), due && drills(due, start)].flat().filter(Boolean));
  }
}

function show() {
  if (!session) return login(null);
  const api = new Api(session.token);
  const id = location.hash.match(/^#\/?([0-9a-f-]{36})$/i)?.[1];
  view = id ? new IncidentPage(id, api, session) : new ListPage(api);
  content.replaceChildren(view.root);
  who.replaceChildren(
    `${session.person}: ${session.roles.join(", ")} `,
    el("button.plain", { type: "button", on: { click: leave } }, "Log out"),
  );
  document.title = id ? "Hubline: an incident" : "Hubline: operations";
  refresh(view);
}

function leave() {
  Session.end();
  session = null;
  login(null);
}

async function refresh(current) {
  clearTimeout(timer);
  try {
    await current.refresh();
    if (view === current) say(null);
  } catch (problem) {
    if (view !== current) return;
    if (problem.status === 401) {
      Session.end();
      session = null;
      login("The token does not hold (any more): log in again.");
      return;
    }
    say(problem.message);
  }
  if (view === current) timer = setTimeout(() => refresh(current), document.hidden ? PACE_MS * 5 : PACE_MS);
}

setInterval(() => view?.tick(), 1_000);
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#token=")) session = Session.open();
  show();
});
document.getElementById("home").addEventListener("click", (event) => {
  event.preventDefault();
  if (location.hash) location.hash = "";
  else show();
});
show();
