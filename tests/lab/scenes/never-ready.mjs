// The release that is gone back to never gets ready: the pipeline undoes it, and the run stops.

import { NEVER_READY, SLOW } from "../stage.mjs";
import { Story } from "../story.mjs";

export async function neverReady({ stage, environment, ...setup }) {
  const story = Story.begin({ title: "A release that never gets ready", alert: "HighAPILatency", environment, ...setup });
  const { cluster } = stage.environments[environment];
  const [tag, release] = SLOW;
  const digest = await stage.push("api", tag, release);
  await stage.push("api", ...NEVER_READY);
  await stage.dispatch("deploy.yml", { environment, application: "api", imageTag: tag, imageDigest: digest });
  story.tell(`api ${tag} is deployed: its P95 is 650 ms`);
  await story.opened();
  await story.acknowledge();
  await story.decide("application", "it is slow since the deployment");
  await story.ask({ kind: "application", application: "api", tag: NEVER_READY[0] });
  await story.approved(story.people.approver);
  const stopped = await story.executed();
  await story.stopped(stopped, "A4", "rollout_failed");
  const pods = cluster.serving("api").map(({ imageID }) => imageID);
  story.proves("the pipeline has brought back what ran before", pods.length > 0 && pods.every((id) => id.endsWith(digest)), pods);
  await story.attested("the slow release runs again in every pod; nothing else was changed");

  await story.decide("application", "the release before it got ready yesterday");
  await story.ask({ kind: "application", application: "api" });
  await story.approved(story.people.approver);
  const done = await story.executed();
  story.proves("the next rollback succeeds", done.state === "succeeded", done);
  return story;
}
