/**
 * The messages of one conversation that are here: each once, ascending, without a hole from the first to the last.
 *
 * No I/O: the client files what comes.
 */

/**
 * @typedef {{id: string, serviceRequestId: string, seq: number, senderId: string, senderRole: string,
 *   clientMessageId: string, body: string, sentAt: string}} Message what the server has numbered
 */

export class History {
  /** Ascending by `seq`. @type {Message[]} */
  messages;
  /** The last number that came; joining asks for what follows it. */
  lastSeq;
  /** The number from which on everything up to `lastSeq` is here. */
  fromSeq;
  /** The first number that the server keeps; what was before it is gone for good. */
  firstSeq = 1;

  /** @param {{messages?: Message[], lastSeq?: number, fromSeq?: number}} [saved] */
  constructor({ messages = [], lastSeq = messages[messages.length - 1]?.seq ?? 0, fromSeq = 1 } = {}) {
    this.messages = messages;
    this.lastSeq = lastSeq;
    this.fromSeq = fromSeq;
  }

  /** Whether the server has messages before those that are here. */
  get hasOlder() {
    return this.fromSeq > this.firstSeq;
  }

  /** Files a message under its number. One from before what is here waits until its page is read. */
  file(message) {
    if (message.seq < this.fromSeq) return;
    let place = this.messages.length;
    while (place > 0 && this.messages[place - 1].seq > message.seq) place -= 1;
    if (this.messages[place - 1]?.seq !== message.seq) this.messages.splice(place, 0, message);
    this.lastSeq = Math.max(this.lastSeq, message.seq);
  }

  /** Files the page before what is here; `hasMore`: whether another one is before it. */
  fileOlder(messages, hasMore) {
    const older = messages.filter(({ seq }) => seq < this.fromSeq);
    this.messages.unshift(...older);
    this.fromSeq = older[0]?.seq ?? this.fromSeq;
    if (!hasMore) this.firstSeq = this.fromSeq;
  }

  /** The server keeps what begins with this number: what was before it is over here as well, and nobody waits for it. */
  cut(firstSeq) {
    this.firstSeq = Math.max(this.firstSeq, firstSeq);
    this.messages = this.messages.filter(({ seq }) => seq >= this.firstSeq);
    this.fromSeq = Math.max(this.fromSeq, this.firstSeq);
    this.lastSeq = Math.max(this.lastSeq, this.firstSeq - 1);
  }

  /** What an app stores: the newest so many. */
  newest(count) {
    const messages = this.messages.slice(-count);
    const fromSeq = messages.length < this.messages.length ? messages[0].seq : this.fromSeq;
    return { messages, lastSeq: this.lastSeq, fromSeq };
  }
}
