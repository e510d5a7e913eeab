// A way to Redis on which publishes are lost, all or a share of them: the sender is told that all is well, and nobody hears
// anything.

import { Middleman } from "./middleman.mjs";

const CRLF = Buffer.from("\r\n");

/** The end of the first complete command in `bytes`, or -1: RESP arrays of bulk strings, `*2 $4 PING $2 hi`. */
function endOfCommand(bytes) {
  let at = bytes.indexOf(CRLF);
  if (at < 0) return -1;
  const parts = Number(bytes.subarray(1, at));
  at += 2;
  for (let part = 0; part < parts; part += 1) {
    const line = bytes.indexOf(CRLF, at);
    if (line < 0) return -1;
    at = line + 2 + Number(bytes.subarray(at + 1, line)) + 2;
  }
  return at <= bytes.length ? at : -1;
}

export class PublishSink extends Middleman {
  /** How many publishes were lost. */
  lost = 0;
  /** Which share of them is lost, by chance. */
  share = 1;

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  pass(client, server) {
    server.pipe(client);
    let waiting = Buffer.alloc(0);
    client.on("data", (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      for (let end = endOfCommand(waiting); end >= 0; end = endOfCommand(waiting)) {
        const command = waiting.subarray(0, end);
        waiting = waiting.subarray(end);
        server.write(this.#isPublish(command) && Math.random() < this.share ? this.#deaden() : command);
      }
    });
  }

  #isPublish(command) {
    return /^\*\d+\r\n\$7\r\nPUBLISH\r\n/i.test(command.toString("latin1", 0, 32));
  }

  /** A command in the place of the publish, whose answer is the number 0 as well. */
  #deaden() {
    this.lost += 1;
    return "*2\r\n$6\r\nEXISTS\r\n$7\r\nnothing\r\n";
  }
}
