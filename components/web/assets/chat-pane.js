/** One party's half of the page: what a {@link ChatClient} knows, shown and kept current. */

import { ChatClient, Refusal } from "./chat-client.js";

const ROLE_NAMES = { customer: "Customer", technician: "Technician", "service-center": "Service centre" };

const CONNECTION_TEXTS = {
  connecting: "Connecting…",
  online: "Connected",
  offline: "Connection lost, trying again…",
  refused: "No longer a party of this service request",
  stopped: "Disconnected",
};

const FAILURE_TEXTS = {
  closed: "the service request is closed",
  invalid: "the text can't be sent",
  too_large: "the text is too long",
  not_found: "you are no longer a party",
  forbidden: "you are no longer a party",
  unavailable: "the service can't be reached",
  rate_limited: "too many messages at once",
  connection_ended: "it ended the connection each time",
};

/** Fills a copy of the pane's template and connects it. */
export class ChatPane {
  #root;
  #client;
  #userId;
  #rows = new Map();

  /** @param {{role: string, userId: string, token: string, serviceRequestId: string, hubUrl: string}} party */
  constructor({ role, userId, token, serviceRequestId, hubUrl }) {
    this.#userId = userId;
    this.#root = document.getElementById("pane").content.firstElementChild.cloneNode(true);
    this.#root.dataset.role = role;
    this.#prepare(role);
    this.#client = new ChatClient({
      signalR: globalThis.signalR,
      hubUrl,
      serviceRequestId,
      userId,
      accessToken: () => token,
      onChange: () => this.#show(),
    });
  }

  /** Adds the pane to the page and starts its client. */
  open(parent) {
    parent.append(this.#root);
    this.#show();
    this.#client.start();
  }

  #part(name) {
    return this.#root.querySelector(`[data-part="${name}"]`);
  }

  #prepare(role) {
    const title = this.#part("title");
    title.textContent = ROLE_NAMES[role];
    title.id = `${role}-title`;
    this.#root.setAttribute("aria-labelledby", title.id);
    const body = this.#part("body");
    body.id = `${role}-body`;
    this.#part("label").htmlFor = body.id;
    this.#part("log").setAttribute("aria-label", `Messages, as the ${ROLE_NAMES[role].toLowerCase()} sees them`);
    this.#part("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    body.addEventListener("input", () => this.#showRefusal(null));
    body.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
  }

  #send() {
    const body = this.#part("body");
    if (body.value.trim() === "") return;
    body.focus();
    try {
      this.#client.send(body.value);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      return this.#showRefusal(refusal);
    }
    body.value = "";
    this.#showRefusal(null);
  }

  /** Why what was written could not be sent; it stays where it was written. */
  #showRefusal(refusal) {
    const line = this.#part("refusal");
    line.hidden = refusal === null;
    setText(line, refusal === null ? "" : `Not sent: ${refusal.text}`);
  }

  #show() {
    const { connection, problem, status, parties } = this.#client;
    this.#root.dataset.connection = connection;
    const text = CONNECTION_TEXTS[connection];
    setText(this.#part("connection"), status === "closed" && connection === "online" ? "Closed: reading only" : text);
    this.#part("connection").title = problem ?? "";
    this.#part("parties").replaceChildren(...parties.map((party) => this.#chip(party)));
    const over = status === "closed" || connection === "refused";
    this.#part("body").disabled = over;
    this.#part("send").disabled = over;
    this.#showMessages();
  }

  #chip({ userId, role, online }) {
    const chip = document.createElement("li");
    chip.dataset.online = String(online);
    chip.dataset.role = role;
    const state = document.createElement("span");
    state.textContent = online ? ": connected" : ": away";
    chip.append((ROLE_NAMES[role] ?? role) + (userId === this.#userId ? " (you)" : ""), state);
    return chip;
  }

  /** Brings the list in line; rows that stay are left alone, so that a screen reader hears only what is new. */
  #showMessages() {
    const log = this.#part("log");
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
    const { messages, outbox, isTruncated } = this.#client;
    this.#part("gone").hidden = !isTruncated;
    const shown = new Set();
    [...messages, ...outbox].forEach((message, place) => {
      const row = this.#row(message);
      shown.add(row);
      if (log.children[place] !== row) log.insertBefore(row, log.children[place] ?? null);
    });
    for (const [key, row] of this.#rows) {
      if (shown.has(row)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  /** The row of a message; it stays the same one when the message moves from the outbox to the numbered ones. */
  #row({ senderId = this.#userId, clientMessageId, body, sentAt, seq, state = "sent", code }) {
    const key = `${senderId} ${clientMessageId}`;
    let row = this.#rows.get(key);
    if (!row) {
      row = document.getElementById("message").content.firstElementChild.cloneNode(true);
      row.dataset.mine = String(senderId === this.#userId);
      row.querySelector('[data-part="text"]').textContent = body;
      row.querySelector('[data-part="retry"]').addEventListener("click", () => this.#client.retry(clientMessageId));
      row.querySelector('[data-part="discard"]').addEventListener("click", () => this.#client.discard(clientMessageId));
      this.#rows.set(key, row);
    }
    row.dataset.state = state;
    if (seq !== undefined) row.dataset.seq = String(seq);
    setText(row.querySelector('[data-part="note"]'), note(state, code, sentAt, senderId === this.#userId));
    for (const name of ["retry", "discard"]) row.querySelector(`[data-part="${name}"]`).hidden = state !== "failed";
    return row;
  }
}

function note(state, code, sentAt, mine) {
  if (state === "sending") return "Sending…";
  if (state === "failed") return `Not sent: ${FAILURE_TEXTS[code] ?? code}`;
  const time = new Date(sentAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return mine ? `Sent, ${time}` : time;
}

/** Writing the same text again would make a live region speak again. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
