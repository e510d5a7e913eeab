// A way to a node that can break at the worst moment.

import { Middleman } from "./middleman.mjs";

export class Tunnel extends Middleman {
  #swallows = false;
  #last = null;
  #most = Infinity;
  /** How many bytes to the node were lost. */
  swallowed = 0;
  /** How often the way was cut. */
  cuts = 0;

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  pass(client, server) {
    client.on("data", (bytes) => {
      if (bytes.length > this.#most) this.cut();
      else if (this.#swallows) this.swallowed += bytes.length;
      else server.write(bytes);
    });
    server.on("data", (bytes) => {
      // What a node says is not masked, so a text can be read where it passes.
      if (this.#last !== null && bytes.includes(this.#last)) this.cut();
      else client.write(bytes);
    });
  }

  /** From now on, and until the cut, nothing that is said to the node arrives. */
  swallow() {
    this.#swallows = true;
  }

  /** From now on every connection breaks over which so many bytes come to the node at once. */
  breakOver(bytes) {
    this.#most = bytes;
  }

  /** Cuts the way before the node is heard to say this. */
  cutBefore(text) {
    this.#last = text;
  }

  /** Breaks every connection; new ones work. */
  cut() {
    this.cuts += 1;
    this.#swallows = false;
    this.#last = null;
    super.cut();
  }
}
