// Ports that nobody uses.

import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A free port below those that the system gives to outgoing connections: a server that is stopped and started again
 * finds its port still free.
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer().listen(port, "127.0.0.1");
    try {
      await once(probe, "listening");
      return port;
    } catch {
      // Taken: the next guess.
    } finally {
      await new Promise((resolve) => probe.close(resolve));
    }
  }
}
