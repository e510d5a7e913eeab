// What the drill leaves behind, for an operator to read.

const clock = (date) => date.toISOString().slice(11, 19);

const duration = (seconds) => {
  if (seconds === undefined || seconds === null) return "–";
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
};

/** The clocks, each from one moment of the incident to another. */
const CLOCKS = [
  ["detect", "alertedAt", "openedAt"],
  ["acknowledge", "openedAt", "acknowledgedAt"],
  ["decide", "alertedAt", "decidedAt"],
  ["approve", "decidedAt", "approvedAt"],
  ["execute", "firstChangeAt", "lastChangeAt"],
  ["validate", "lastChangeAt", "validatedAt"],
  ["recovery (RTO)", "openedAt", "validatedAt"],
  ["restore (MTTR)", "alertedAt", "validatedAt"],
];

const between = (moments, from, to) => (moments?.[from] && moments[to] ? (new Date(moments[to]) - new Date(moments[from])) / 1000 : null);

const clocks = ({ moments }) => CLOCKS.map(([name, from, to]) => `${name} ${duration(between(moments, from, to))}`).join(" · ");

const recovery = (incident) => duration(between(incident?.moments, "openedAt", "validatedAt"));

/** The text of the report. */
export function report({ began, ended, stories, checks, failures }) {
  const lines = [
    "# Rollback drill",
    "",
    `${failures.length === 0 ? "PASSED" : "FAILED"} on ${began.toISOString().slice(0, 10)}, ${clock(began)} to ${clock(ended)} UTC (${duration((ended - began) / 1000)}).`,
    "",
    "| incident | environment | ended as | recovery | what was proven |",
    "|---|---|---|---|---|",
    ...stories.map((story) => {
      const proven = `${story.proofs.filter(({ holds }) => holds).length} of ${story.proofs.length}`;
      return `| ${story.title} | ${story.environment} | ${story.end?.state ?? "unfinished"} | ${recovery(story.end)} | ${proven} |`;
    }),
    "",
    "## What holds for all of it",
    "",
    ...checks.map(({ text, holds }) => `- ${holds ? "✓" : "✗"} ${text}`),
    "",
  ];
  if (failures.length > 0) lines.push("## What failed", "", ...failures.flatMap((failure) => ["```", String(failure.stack ?? failure).slice(0, 4_000), "```", ""]));
  for (const story of stories) {
    lines.push(`## ${story.title}`, "", `Alert ${story.alert} in ${story.environment}; incident ${story.id ?? "never opened"}.`, "");
    if (story.end) {
      lines.push(`Clocks: ${clocks(story.end)}.`, "");
      if (story.end.loss?.measuredSeconds) lines.push(`Data given up: ${duration(story.end.loss.measuredSeconds)} measured, ${duration(story.end.loss.askedSeconds)} asked.`, "");
    }
    lines.push("| UTC | |", "|---|---|", ...story.lines.map(({ at, text }) => `| ${clock(at)} | ${text.replaceAll("|", "\\|").replaceAll("\n", " ")} |`), "");
  }
  return `${lines.join("\n")}\n`;
}
