// Waiting for what happens soon, without guessing how soon.

/** Waits until `check` answers truthily and returns that answer. */
export async function eventually(check, { patience = 10_000, otherwise = () => "it never happened" } = {}) {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await check();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`after ${patience} ms: ${otherwise()}`);
    await pause(10);
  }
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The numbers from `first` to `last`. */
export function range(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
