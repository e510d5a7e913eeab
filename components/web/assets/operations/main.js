/** The page of operations: logs in with a token, and shows the list of incidents or one of them. */

import { Api } from "./api.js";
import { el } from "./element.js";
import { field, form } from "./form.js";
import { IncidentPage } from "./incident-page.js";
import { ListPage } from "./list-page.js";
import { Session } from "./session.js";

/** How often is asked whether something has changed. */
const PACE_MS = 2_000;

const content = document.getElementById("content");
const who = document.getElementById("who");

/** What is wrong with the page as a whole: null when nothing is. */
const trouble = line(document.getElementById("trouble"));

/** What somebody should know of what they just did. */
const notice = line(document.getElementById("notice"));

let session = Session.open();
let api = session && new Api(session.token);
let view = null;
let timer = null;

function line(element) {
  return (text) => {
    element.hidden = !text;
    if (element.textContent !== (text ?? "")) element.textContent = text ?? "";
  };
}

function begin(begun) {
  session = begun;
  api = new Api(session.token);
  trouble(null);
  show();
}

function login(message) {
  clearTimeout(timer);
  view = null;
  who.replaceChildren();
  trouble(message);
  notice(null);
  const note = "One with a role of operations. It is kept for this tab alone.";
  const fields = [field("Token", "token", { rows: 4, required: true, spellcheck: "false", autocomplete: "off" })];
  const box = form({ title: "Log in", submit: "Log in", kind: "main", note }, fields, async ({ token }) => begin(Session.begin(token.trim())));
  content.replaceChildren(el("section.card.login", {}, box));
}

function leave(message = null) {
  Session.end();
  session = null;
  login(message);
}

function show() {
  if (!session) return login(null);
  const id = location.hash.match(/^#([0-9a-f-]{36})$/i)?.[1];
  notice(null);
  view = id ? new IncidentPage(id, api, session, notice) : new ListPage(api, session);
  content.replaceChildren(view.root);
  who.replaceChildren(person(), ` ${session.roles.join(", ")} `, el("button.plain", { type: "button", on: { click: () => leave() } }, "Log out"));
  document.title = id ? "Hubline: an incident" : "Hubline: operations";
  refresh(view);
}

/** Who works here, and as whom else they may. */
function person() {
  const { people } = session;
  if (people.length < 2) return el("strong", {}, session.person);
  const options = people.map(({ token, person: name }) => el("option", { value: token, selected: token === session.token }, name));
  const change = (event) => begin(Session.begin(event.target.value, session.tokens));
  return el("label", {}, "You are ", el("select", { on: { change } }, options));
}

async function refresh(current) {
  clearTimeout(timer);
  try {
    await current.refresh();
    if (view === current) trouble(null);
  } catch (problem) {
    if (view !== current) return;
    if (problem.status === 401) return leave("The token does not hold (any more): log in again.");
    trouble(problem.message);
  }
  if (view === current) timer = setTimeout(() => refresh(current), document.hidden ? PACE_MS * 5 : PACE_MS);
}

setInterval(() => view?.tick(), 1_000);
document.addEventListener("visibilitychange", () => !document.hidden && view && refresh(view));
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#token=")) return begin(Session.open());
  show();
  scrollTo(0, 0);
  content.focus({ preventScroll: true });
});
document.getElementById("home").addEventListener("click", (event) => {
  event.preventDefault();
  if (location.hash) location.hash = "";
  else show();
});
show();
