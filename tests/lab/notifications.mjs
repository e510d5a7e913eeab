// PagerDuty, Slack and a webhook (https://www.standardwebhooks.com): what people are told, and when.

import { createHmac } from "node:crypto";
import { Fake, Refusal, json } from "./fake.mjs";

const ACTIONS = ["trigger", "acknowledge", "resolve"];
const SEVERITIES = ["critical", "error", "warning", "info"];

export class Notifications extends Fake {
  /** `{channel, at, body}` in the order of arrival. */
  told = [];

  /** @param {{routingKey: string, slackPath: string, webhookSecret: string}} credentials who is believed */
  constructor({ routingKey, slackPath, webhookSecret }) {
    super();
    this.on("POST", "/v2/enqueue", (asked) => {
      const event = json(asked);
      const errors = faults(event);
      if (event.routing_key !== routingKey) errors.push("'routing_key' is invalid");
      if (errors.length > 0) throw new Refusal(400, { status: "invalid event", message: "Event object is invalid", errors });
      this.#keep("pagerduty", event);
      return { status: 202, body: { status: "success", message: "Event processed", dedup_key: event.dedup_key ?? "made-up" } };
    });
    this.on("POST", slackPath, (asked) => {
      const message = json(asked);
      if (!message.text && !message.blocks && !message.attachments) throw new Refusal(400, "no_text");
      this.#keep("slack", message);
      return { status: 200, headers: { "content-type": "text/html" }, body: "ok" };
    });
    this.on("POST", "/webhook", (asked) => {
      const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": given } = asked.headers;
      const signature = createHmac("sha256", webhookSecret).update(`${id}.${at}.`).update(asked.raw).digest("base64");
      if (given !== `v1,${signature}`) throw new Refusal(401, { message: "the signature is another" });
      this.#keep("webhook", json(asked));
      return { status: 204 };
    });
    // Whoever expects to hear from Alertmanager every minute.
    this.on("POST", "/watchdog", () => ({ status: 200 }));
  }

  static start(credentials, port = 0) {
    return new Notifications(credentials).listen(port);
  }

  #keep(channel, body) {
    this.told.push({ channel, at: new Date(), body });
  }
}

/** What PagerDuty finds wrong with an event. */
function faults({ event_action: action, payload, dedup_key: key = "" }) {
  const errors = [];
  if (!ACTIONS.includes(action)) errors.push("'event_action' is missing or invalid");
  if (key.length > 255) errors.push("'dedup_key' is too long");
  if (action !== "trigger") return errors;
  for (const name of ["summary", "source"]) if (!payload?.[name]) errors.push(`'payload.${name}' is missing or blank`);
  if ([...(payload?.summary ?? "")].length > 1024) errors.push("'payload.summary' is too long");
  if (!SEVERITIES.includes(payload?.severity)) errors.push("'payload.severity' is invalid");
  return errors;
}
