// A release is slow: the application goes back to the one before. People use the page for all of it.

import { PageStory } from "../page-story.mjs";
import { SLOW } from "../stage.mjs";

/** What runs before, and again after. */
const GOOD = "v1.2.0-stable";

export async function badRelease({ stage, environment, ...setup }) {
  const story = PageStory.begin({ title: "A release that is too slow", alert: "HighAPILatency", environment, recovers: true, ...setup });
  const { cluster } = stage.environments[environment];
  const [tag, release] = SLOW;
  const digest = await stage.push("api", tag, release);
  await stage.dispatch("deploy.yml", { environment, application: "api", imageTag: tag, imageDigest: digest });
  story.tell(`api ${tag} is deployed: its P95 is 650 ms`);
  await story.opened();
  const [{ value: p95 }] = await stage.p95(environment);
  // A machine that has other work adds to it.
  story.proves(`the P95 is that of the bad release or more: ${Math.round(p95 * 1000)} ms`, p95 > 0.5);
  await story.acknowledge();
  const { recommendation } = await story.recommended();
  story.proves("what was deployed last is recommended to go back", recommendation.kind === "application", recommendation);
  await story.decide("application", "it is slow since the deployment");
  const run = await story.ask({ kind: "application", application: "api" });
  const image = run.preview.recipe.image;
  const good = await stage.registry.digest("warranty/api", GOOD);
  story.proves(`the newest stable release before it is proposed: ${image.tag}`, image.tag === GOOD && image.digest === good, image);
  story.proves("it says that it runs on the schema that there is", run.preview.recipe.schemaUnstated === false, run.preview.recipe);
  await story.approved(story.people.approver);
  const done = await story.executed();
  story.proves("the rollback succeeds", done.state === "succeeded", done);
  const pods = cluster.serving("api").map(({ imageID }) => imageID);
  story.proves("every pod runs the good image, by its digest", pods.length > 0 && pods.every((id) => id.endsWith(good)), pods);
  story.afterwards = async () => {
    await story.reviewed("releases are held back for an hour from now on");
    const { state } = (await story.incident()).incident;
    story.proves("it is reviewed", state === "reviewed", state);
  };
  return story;
}
