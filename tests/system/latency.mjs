// How long things take.

/** Runs `work` so often, one after the other, and gives each one's milliseconds. */
export async function durations(count, work) {
  const took = [];
  for (let round = 0; round < count; round += 1) {
    const begin = performance.now();
    await work(round);
    took.push(performance.now() - begin);
  }
  return took;
}

/** The value below which the share lies. */
export function quantile(values, share) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export const median = (values) => quantile(values, 0.5);
