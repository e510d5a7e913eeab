// The real Alertmanager, alone or as one of several replicas.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort } from "../system/port.mjs";
import { Program } from "../system/program.mjs";
import { tool } from "./tools.mjs";

export class Alertmanager {
  #program;

  /**
   * @param {{folder: string, config: object, clustered?: boolean, peer?: Alertmanager}} setup whether others may join it, and
   * whom it joins itself
   */
  static async start(setup) {
    const manager = new Alertmanager();
    await manager.#start(setup);
    return manager;
  }

  async #start({ folder, config, clustered = false, peer }) {
    const port = await freePort();
    this.origin = `http://127.0.0.1:${port}`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "alertmanager.yml"), stringify(config));
    this.gossip = clustered || peer ? `127.0.0.1:${await freePort()}` : "";
    this.#program = new Program(tool("prometheus-alertmanager"), [
      `--config.file=${join(folder, "alertmanager.yml")}`,
      `--storage.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--cluster.listen-address=${this.gossip}`,
      ...(peer ? [`--cluster.peer=${peer.gossip}`] : []),
      "--cluster.settle-timeout=1s",
    ]);
    await this.#program.ready(() => fetch(`${this.origin}/-/ready`).then(({ ok }) => ok, () => false));
  }

  /** Tells it of alerts, as Prometheus does: `{labels, annotations?, startsAt?, endsAt?}`. */
  async post(alerts) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${this.origin}/api/v2/alerts`, { method: "POST", headers, body: JSON.stringify(alerts) });
    if (!answer.ok) throw new Error(`Alertmanager takes no alerts: ${await answer.text()}`);
  }

  async stop() {
    await this.#program?.stop("SIGKILL");
  }
}
