/** What the API says about an incident, in the shape that this page shows. */

/** @returns {{incident, runs: object[], triage, alerts: object[], timeline: object[], clocks: object[], validations: object[]}} */
export function caseFile(answer) {
  const incident = shape(answer.incident ?? answer);
  const timeline = (answer.timeline ?? []).map(entry).sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : (a.seq ?? 0) - (b.seq ?? 0)));
  const runs = (answer.runs ?? []).map(runShape).sort((a, b) => (a.openedAt < b.openedAt ? 1 : -1));
  const validations = answer.validations ?? [incident.validation].filter(Boolean);
  return {
    incident,
    runs,
    triage: answer.triage ?? (answer.evidence || answer.recommendation ? { ...answer.evidence, recommendation: answer.recommendation } : null),
    alerts: answer.alerts ?? [],
    timeline,
    clocks: answer.clocks ?? null,
    validations,
  };
}

/** An incident, of the list or of its own page. */
export function shape(incident) {
  const { environment, mode } = incident.target ?? incident;
  const moments = incident.moments ?? incident;
  return { ...incident, environment, mode: mode ?? "live", moments };
}

function runShape(run) {
  const { environment, mode } = run.target ?? run;
  return { ...run, environment, mode: mode ?? "live", kind: run.kind ?? run.request?.kind, steps: run.steps ?? [], approvals: run.approvals ?? [], readings: run.readings ?? [] };
}

/** A line of the timeline: a link of the audit's chain, or the record itself. */
function entry(line) {
  const record = typeof line.text === "string" ? { seq: line.seq, ...JSON.parse(line.text) } : line;
  const event = typeof record.event === "object" ? record.event : record;
  return { seq: record.seq, at: record.at, actor: record.actor ?? null, event };
}

/** What destroys, replaces or gives up something, of a preview. */
export function hazardsOf(preview) {
  if (preview.hazards) return preview.hazards;
  const { recipe = {} } = preview;
  return [
    ...(recipe.losses ?? []),
    ...(recipe.waiveFreeze ? ["freeze-waived"] : []),
    ...(recipe.acceptLoss ? ["loss-accepted"] : []),
    ...(recipe.schemaUnstated ? ["schema-unstated"] : []),
  ];
}
