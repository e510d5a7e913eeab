// Somebody applies between the plan and its apply: the plan is stale. Then an apply dies half-way: the plan is spent.

import { Story } from "../story.mjs";
import { REPLACED, worsen } from "./bad-infrastructure.mjs";

export async function stalePlan({ stage, environment, ...setup }) {
  const story = Story.begin({ title: "A plan that is stale, and an apply that dies half-way", alert: "HighErrorRate", environment, ...setup });
  const bad = await worsen(stage, environment, { cache: false });
  story.tell(`the commit ${bad.slice(0, 12)} is applied: 30 of 100 users are turned away`);
  await story.opened();
  await story.acknowledge();
  await story.decide("infrastructure", "the ingress answers by itself, and its settings were applied");
  const request = { kind: "infrastructure", commit: stage.sound, exceptions: REPLACED };
  await story.ask(request);
  await story.approved(story.people.approver, story.people.second);
  const commit = await stage.infrastructure.commit(`Change ${environment} by hand`, { [environment]: { refuse: 25 } });
  await stage.infrastructure.applyByHand(environment, commit);
  story.tell(`somebody applies ${commit.slice(0, 12)} by hand meanwhile`);
  await story.stopped(await story.executed(), "I6", "plan_stale");
  await story.attested("what was applied by hand is understood; nothing else was changed");

  await story.decide("infrastructure", "the same, planned anew");
  await story.ask(request);
  await story.approved(story.people.approver, story.people.second);
  stage.infrastructure.light(environment);
  await story.stopped(await story.executed(), "I6", "apply_failed");
  const { ingress } = stage.environments[environment];
  const open = await fetch(`${ingress.origin}/version`);
  story.proves("half of it has happened: the ingress is replaced already", open.status === 200, open.status);
  stage.infrastructure.putOut(environment);
  await stage.infrastructure.applyByHand(environment, stage.sound);
  await story.attested("the other half was applied by hand by the runbook");
  return story;
}
