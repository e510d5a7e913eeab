/** What is told from an incident and its runs, as the API says them. */

/** The states in which nothing is left to be done in a hurry. */
const OVER = ["resolved", "reviewed", "dismissed"];

export const isOver = ({ state }) => OVER.includes(state);

/** Whether the alert fires, as far as is known. */
export function fires({ firing: { firedAt, clearedAt } }) {
  return firedAt !== null && (clearedAt === null || Date.parse(clearedAt) <= Date.parse(firedAt));
}

/** Which rules were broken on purpose and stand in no review yet. */
export const brokenGlass = ({ breakGlass }) => breakGlass.filter(({ reviewed }) => !reviewed);

/** The moves that this person may make with a run: only the one that the incident has now can be moved. */
export const movesOf = ({ incident, moves }, run) => (incident.run?.id === run.id ? moves : []);

/** The evidence of a run: `[{step, digest}]`. */
export const evidenceOf = ({ steps }) => steps.flatMap(({ name, evidence }) => evidence.map((digest) => ({ step: name, digest })));
