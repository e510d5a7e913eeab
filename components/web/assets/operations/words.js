/** What things are called on this page. */

export const INCIDENT_STATES = {
  open: "open",
  acknowledged: "acknowledged",
  rolling_back: "rolling back",
  blocked: "blocked: a person must look",
  mitigated_unvalidated: "rolled back, not validated",
  validating: "validating",
  validated: "validated",
  resolved: "resolved",
  reviewed: "reviewed",
  dismissed: "dismissed",
};

export const RUN_STATES = {
  draft: "being prepared",
  previewed: "ready to submit",
  awaiting_approval: "waiting for approvals",
  approved: "approved",
  executing: "executing",
  verifying: "verifying",
  succeeded: "succeeded",
  rejected: "rejected",
  expired: "expired",
  cancelled: "cancelled",
  failed: "failed",
  needs_manual: "stopped: a person must look",
  attested: "attested",
};

export const STEP_STATES = {
  pending: "not yet",
  intent_recorded: "about to begin",
  sent: "sent",
  awaiting: "under way",
  done: "done",
  failed: "failed",
  unknown: "unknown whether it happened",
};

export const STRATEGIES = {
  application: "Roll an application back",
  database: "Restore the database",
  infrastructure: "Roll infrastructure back",
  no_rollback: "No rollback",
};

export const AUDIENCES = { on_call: "Who is on call", commander: "The commander", approvers: "The approvers", followers: "Who follows" };

export const CHANNELS = { pagerduty: "PagerDuty", commander: "PagerDuty, the commander", slack: "Slack", webhook: "webhook" };

const CHECKS = {
  error_rate: "Error rate",
  latency: "Latency",
  traffic: "Traffic",
  pods: "Pods",
  alert: "Alert",
  smoke_user: "Registering a user",
  smoke_service_request: "Creating a service request",
};

/** What is checked: one of the fixed checks, or a smoke test that was added. */
export const check = (name) => CHECKS[name] ?? `Smoke test ${name.replace(/^smoke:/, "")}`;

export const CAUSES = {
  false_positive: "False positive",
  duplicate: "Duplicate of another incident",
  expected: "Expected: maintenance or a test",
  passed: "It passed by itself",
};

const STEPS = {
  A1: "list the tags of the repository",
  A2: "choose the tag and pin its digest",
  A3: "dispatch the deployment",
  A4: "wait for the deployment",
  A5: "verify what the cluster runs",
  D1: "check the source and the point in time",
  D2: "keep the writers away",
  D3: "ask for the restored server",
  D4: "wait for the restored server",
  D5: "verify the restored data",
  D6: "update the connection secret",
  "D7:thaw": "let the writers in again",
  I1: "check the commit",
  I2: "plan the commit",
  I3: "fetch the plan",
  I4: "classify the plan",
  I5: "have the plan approved",
  I6: "apply the plan",
  I7: "plan again and expect no change",
};

const ROLLOUT = { A3: "dispatch the redeployment", A4: "wait for the redeployment", A5: "verify the new connection" };

/** What a step does, by its name. */
export function step(name) {
  if (STEPS[name]) return STEPS[name];
  const [, application, part] = name.split(":");
  return part ? `${application}: ${ROLLOUT[part] ?? part}` : name;
}

const HAZARDS = {
  "freeze-waived": "writers go on while the database is restored: what they write is lost",
  "loss-accepted": "more data is lost than is normally allowed",
  "schema-unstated": "the image does not say whether it runs on the schema that the database has",
};

/** A hazard, in words; an address of infrastructure stands for itself. */
export function hazard(name) {
  return HAZARDS[name] ?? "is destroyed, replaced or forgotten";
}

const EVENTS = {
  incident_opened: "The incident was opened",
  alert_fired: "The alert fired",
  alert_cleared: "The alert cleared",
  alerts_left_out: "Alerts were left out of a notification",
  acknowledged: "Acknowledged",
  escalated: "Escalated to the incident commander",
  decided: "Decided",
  dismissal_proposed: "Dismissal proposed",
  dismissed: "Dismissed",
  warned: "Warning",
  run_opened: "Rollback requested",
  previewed: "The preview is ready",
  preview_opened: "Preview opened",
  submitted: "Submitted for approval",
  approved: "Approved",
  glass_broken: "Glass broken",
  approvals_lapsed: "The approvals do not hold any more",
  rejected: "Rejected",
  expired: "Expired",
  executed: "Execution began",
  cancelled: "Cancelled",
  step_moved: "Step",
  loss_measured: "Loss measured",
  run_succeeded: "The rollback succeeded",
  run_failed: "The rollback failed",
  run_blocked: "The rollback was blocked",
  manual_needed: "The rollback stopped for a person",
  attested: "Attested",
  validation_started: "Validation began",
  validation_finished: "Validation ended",
  validation_lapsed: "The validation does not hold any more",
  resolved: "Resolved",
  reviewed: "Reviewed",
  drill_started: "Drill started",
  drill_overdue: "Drill overdue",
  halted: "Rollbacks halted",
  released: "Rollbacks released",
  principal_changed: "Somebody's roles changed",
};

const WARNINGS = {
  undecided: "nothing is decided 10 minutes after the alert",
  rto_50: "half of the time for recovery is over",
  rto_80: "80 % of the time for recovery is over",
  rto_breached: "the time for recovery is over",
  rpo_50: "half of the loss that is allowed is reached",
  rpo_80: "80 % of the loss that is allowed is reached",
  rpo_breached: "more is lost than is allowed",
};

/** What an event says beyond its name. */
function detail(event) {
  const failure = event.failure && `${event.failure.code}: ${event.failure.detail}`;
  switch (event.type) {
    case "alerts_left_out":
      return `${event.count} of the group ${event.group} are not known here: ${event.why}`;
    case "decided":
      return `${STRATEGIES[event.strategy] ?? event.strategy}: ${event.reason}`;
    case "step_moved":
      return `${event.step} (${step(event.step)}): ${STEP_STATES[event.to] ?? event.to}${event.attempt > 1 ? `, attempt ${event.attempt}` : ""}`;
    case "warned":
      return WARNINGS[event.warning] ?? event.warning;
    case "run_opened":
      return STRATEGIES[event.request?.kind] ?? event.request?.kind;
    case "approved":
      return event.enough ? "enough have approved" : "more approvals are needed";
    case "executed":
      return `approved by ${(event.approvers ?? []).join(", ")}`;
    case "loss_measured":
      return duration(event.seconds);
    case "validation_finished":
      return event.verdict;
    case "run_failed":
    case "run_blocked":
    case "manual_needed":
      return [event.step, failure].filter(Boolean).join(", ");
    default:
      return event.reason ?? event.statement ?? event.review ?? "";
  }
}

/** An event as a line of the timeline. */
export function event(entry) {
  const text = detail(entry);
  const name = EVENTS[entry.type] ?? entry.type;
  return text ? `${name}: ${text}` : name;
}

/** Seconds, as people say them. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(Number(seconds))) return "";
  const whole = Math.round(Math.abs(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const parts = [hours && `${hours} h`, minutes && `${minutes} min`, hours === 0 && (whole % 60 || whole === 0) && `${whole % 60} s`];
  return parts.filter(Boolean).join(" ");
}

/** A day, in the reader's own calendar. */
export const day = (text) => new Date(text).toLocaleDateString();

/** A moment, in the reader's own time, with its date when it is not today. */
export function moment(text) {
  if (!text) return "";
  const at = new Date(text);
  const today = at.toDateString() === new Date().toDateString();
  return today ? at.toLocaleTimeString() : at.toLocaleString();
}
