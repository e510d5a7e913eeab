// Users: requests at a steady pace, whatever becomes of them.

export class Traffic {
  #origin;
  #timer;
  #open = new Set();
  sent = 0;
  failed = 0;

  /** @param {number} pace requests a second */
  constructor(origin, pace) {
    this.#origin = origin;
    this.#timer = setInterval(() => this.#ask(), 1_000 / pace);
  }

  #ask() {
    this.sent += 1;
    const path = this.sent % 3 === 0 ? "/users/ada" : "/service-requests";
    const request = fetch(this.#origin + path, { signal: AbortSignal.timeout(10_000) }).then(
      async (answer) => {
        await answer.arrayBuffer();
        if (answer.status >= 500) this.failed += 1;
      },
      () => (this.failed += 1),
    );
    this.#open.add(request);
    request.finally(() => this.#open.delete(request));
  }

  async stop() {
    clearInterval(this.#timer);
    await Promise.allSettled([...this.#open]);
  }
}
