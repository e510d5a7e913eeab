/** The list: whether rollbacks are halted, the incidents, the drills, the audit log; each for those whom it concerns. */

import { auditView } from "./audit-view.js";
import { isOver } from "./case-file.js";
import { drillsView } from "./drills-view.js";
import { el } from "./element.js";
import { haltView } from "./halt-view.js";
import { liveView, overView } from "./incident-list.js";
import { Parts } from "./parts.js";

export class ListPage {
  root = el("div.list");
  #api;
  #session;
  #parts = new Parts(this.root);
  #audited = null;

  constructor(api, session) {
    this.#api = api;
    this.#session = session;
  }

  tick() {}

  async refresh() {
    const drills = this.#session.may("operator", "commander");
    const [{ incidents }, { halted }, due] = await Promise.all([this.#api.incidents(), this.#api.halt(), drills && permitted(this.#api.drills())]);
    const maySet = this.#session.may("commander");
    const [live, over] = [incidents.filter((incident) => !isOver(incident)), incidents.filter(isOver)];
    const halt = ["halt", halted, () => haltView(halted, maySet, (wanted, reason) => this.#halt(wanted, reason))];
    this.#parts.show([
      ...(halted ? [halt] : []),
      ["live", live, () => liveView(live)],
      ["over", over, () => overView(over)],
      ["drills", [due?.drills, due?.history], () => due && drillsView(due, (kind) => this.#drill(kind))],
      ["audit", this.#audited, () => this.#session.may("auditor", "commander") && auditView(this.#audited, () => this.#audit())],
      ...(halted ? [] : [halt]),
    ]);
  }

  async #halt(wanted, reason) {
    await this.#api.setHalt(wanted, reason);
    return () => this.refresh();
  }

  async #drill(kind) {
    const { incident } = await this.#api.startDrill(kind);
    location.hash = incident.id;
  }

  async #audit() {
    this.#audited = { at: new Date().toISOString(), ...(await this.#api.verifyAudit()) };
    return () => this.refresh();
  }
}

/** What a token claims, the table of people may not grant: then there is nothing of it to be shown. */
const permitted = (answer) =>
  answer.catch((problem) => {
    if (problem.status === 403) return null;
    throw problem;
  });
