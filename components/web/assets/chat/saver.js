/**
 * Stores what is newest, one write after another: an older state is never written over a newer one, and what changes while
 * a write is under way is one write together.
 */
export class Saver {
  #snapshot;
  #write;
  #tell;
  #unsaved = false;
  #saving = null;

  /**
   * @template Saved
   * @param {() => Saved} snapshot what is here now
   * @param {(saved: Saved) => void | Promise<void>} write
   * @param {(problem: string | null) => void} tell is told how each write has ended
   */
  constructor(snapshot, write, tell) {
    this.#snapshot = snapshot;
    this.#write = write;
    this.#tell = tell;
  }

  /** Something has changed. */
  save() {
    this.#unsaved = true;
    this.#saving ??= this.#saveAll().finally(() => (this.#saving = null));
  }

  /** Ends when everything has been written, or could not be. */
  async finish() {
    await this.#saving;
  }

  async #saveAll() {
    // What changes in one go is one write.
    for (await null; this.#unsaved; ) {
      this.#unsaved = false;
      try {
        await this.#write(this.#snapshot());
        this.#tell(null);
      } catch (error) {
        this.#tell(error?.message ?? String(error));
      }
    }
  }
}
