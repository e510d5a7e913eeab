// The real kubectl, pointed at a cluster of the lab.

import { writeFileSync } from "node:fs";
import { Program } from "../system/program.mjs";
import { tool } from "./tools.mjs";

/** Writes the configuration that kubectl reads: which cluster, as whom. It gives a token to nobody without TLS. */
export function writeKubeconfig(file, { server, root, namespace, token }) {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "lab", cluster: { server, "certificate-authority": root } }],
    users: [{ name: "lab", user: { token } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "lab", namespace } }],
    "current-context": "lab",
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

/** Runs kubectl to its end: `{code, output}`. */
export async function kubectl(config, ...args) {
  const program = new Program(tool("kubectl"), args, { env: { ...process.env, KUBECONFIG: config } });
  const { code } = await program.ended();
  return { code, output: program.output };
}
