// A change of infrastructure turns users away: the code of before is planned, approved and applied.

import { Story } from "../story.mjs";

/** Applies a change that turns users away, and answers its commit. */
export async function worsen(stage, environment, { cache }) {
  const commit = await stage.infrastructure.commit(`Turn users of ${environment} away`, { [environment]: { refuse: 30, cache } });
  await stage.apply(environment, commit);
  return commit;
}

/** What going back replaces, and what it destroys. */
export const REPLACED = ["terraform_data.ingress", "terraform_data.routes"];
export const DESTROYED = "terraform_data.cache";

export async function badInfrastructure({ stage, environment, ...setup }) {
  const story = Story.begin({ title: "Infrastructure that turns users away", alert: "HighErrorRate", environment, recovers: true, ...setup });
  const { ingress } = stage.environments[environment];
  const bad = await worsen(stage, environment, { cache: true });
  story.tell(`the commit ${bad.slice(0, 12)} is applied: 30 of 100 users are turned away`);
  await story.opened();
  await story.acknowledge();
  await story.recommended();
  await story.escalate("a release and infrastructure changed within minutes: which of the two is it?");
  await story.decide("infrastructure", "the ingress answers by itself, and its settings were applied", story.people.commander);

  const blocked = await story.ask({ kind: "infrastructure", commit: stage.sound });
  const failure = blocked.steps.find(({ status }) => status === "failed")?.failure;
  story.proves("a plan that destroys what nobody named is blocked", blocked.state === "rejected" && failure.code === "plan_blocked", blocked);
  story.proves("the refusal names what would be destroyed", failure.detail.includes("terraform_data"), failure);
  const run = await story.ask({ kind: "infrastructure", commit: stage.sound, exceptions: [...REPLACED, DESTROYED] });
  story.proves("with every loss named there is a preview", run.state === "previewed", run);
  await story.approved(story.people.approver, story.people.second);
  const done = await story.executed();
  story.proves("the plan is applied, and a second one changes nothing", done.state === "succeeded", done);
  const answers = await Promise.all(Array.from({ length: 40 }, () => fetch(`${ingress.origin}/version`).then(({ status }) => status)));
  story.proves("nobody is turned away any more", answers.every((status) => status === 200), answers);
  return story;
}
