/** The connection to the hub: it comes back for ever, each time with a fresh token. */

/** Delays without an end. */
export class Backoff {
  #random;

  constructor(random = Math.random) {
    this.#random = random;
  }

  /** Full jitter under a doubling bound: a crowd that lost its server does not come back in one moment. */
  delay(attempt) {
    return Math.ceil(this.#random() * Math.min(10_000, 500 * 2 ** Math.min(attempt, 10)));
  }
}

/** The code of a hub error, `code: text`; null for a failure of the connection, whose outcome is unknown. */
export function refusalCode(error) {
  return /^([a-z_]+): /.exec(error?.message ?? "")?.[1] ?? null;
}

/** The longest that is waited because the server asks for it, in milliseconds. */
const LONGEST_REST = 300_000;

/** How long a refusal asks to wait, in milliseconds; its text names seconds, or none. */
export function restAsked(error) {
  const seconds = /(\d+(?:\.\d+)?) ?s(?:econds?)?\b/.exec(error?.message ?? "")?.[1] ?? 0;
  return Math.min(LONGEST_REST, Number(seconds) * 1_000);
}

export class Connection {
  /** Rises with each connection that ends: what was asked over an older one has no answer any more. */
  round = 0;

  #hub;
  #backoff;
  #owner;
  /** How many connections in a row have ended before they were of any use. */
  #fruitless = 0;
  #isOver = false;
  #renews = false;
  #timers = new Map();

  /**
   * @param {object} settings
   * @param {typeof import("@microsoft/signalr")} settings.signalR
   * @param {string} settings.hubUrl
   * @param {() => string | Promise<string>} settings.accessToken
   * @param {Backoff} backoff
   * @param {{up(): void, down(ourselves: boolean): void, failed(error: unknown): void}} owner is told when there is a
   *   connection, when it has ended and whether this side has ended it, and why there is none
   */
  constructor({ signalR, hubUrl, accessToken }, backoff, owner) {
    this.#backoff = backoff;
    this.#owner = owner;
    this.#hub = new signalR.HubConnectionBuilder()
      .withUrl(hubUrl, { accessTokenFactory: accessToken })
      .withAutomaticReconnect({ nextRetryDelayInMilliseconds: (retry) => this.#delay(retry.previousRetryCount) })
      .configureLogging(signalR.LogLevel.None)
      .build();
    this.#hub.onreconnecting((error) => this.#lost(error));
    this.#hub.onreconnected(() => owner.up());
    // The server ended the connection without allowing a reconnect: to the user that is an interruption like any other.
    this.#hub.onclose((error) => {
      this.#lost(error);
      this.#connect(1);
    });
  }

  on(event, handler) {
    this.#hub.on(event, handler);
  }

  invoke(method, ...args) {
    return this.#hub.invoke(method, ...args);
  }

  /** Connects; failures are tried again for ever, so this never rejects. */
  start() {
    return this.#connect(0);
  }

  /** Ends it for good. */
  async stop() {
    this.#isOver = true;
    for (const [timer, wake] of this.#timers) {
      clearTimeout(timer);
      wake();
    }
    await this.#hub.stop();
  }

  /** Has the next connection take the place of this one, with a fresh token. */
  async renew() {
    if (this.#renews) return;
    this.#renews = true;
    await this.#hub.stop();
  }

  /** It was of use: should it end, the next one may come soon. */
  isUseful() {
    this.#fruitless = 0;
  }

  /** Waits for a delay of the backoff after so many milliseconds; ends early when all is over. */
  rest(attempt, least = 0) {
    return this.#sleep(least + this.#backoff.delay(attempt));
  }

  #sleep(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, milliseconds);
      this.#timers.set(timer, resolve);
    });
  }

  /** Starts the connection; the library's automatic reconnect does not cover a first start that fails. */
  async #connect(attempt) {
    for (; !this.#isOver; attempt += 1) {
      if (attempt > 0) await this.#sleep(this.#delay(attempt - 1));
      if (this.#isOver) return;
      try {
        await this.#hub.start();
        return this.#owner.up();
      } catch (error) {
        if (!this.#isOver) this.#owner.failed(error);
      }
    }
  }

  #lost(error) {
    this.#owner.down(this.#renews || this.#isOver);
    this.round += 1;
    this.#fruitless += 1;
    this.#renews = false;
    if (!this.#isOver) this.#owner.failed(error);
  }

  /** One connection may end without having been of use; from the second one on the delays grow. */
  #delay(attempt) {
    return this.#backoff.delay(attempt + Math.max(0, this.#fruitless - 1));
  }
}
