// The quarter's drill: nothing is wrong, and the application goes back to the release before.

import { Story } from "../story.mjs";

const BEFORE = "v1.1.0-stable";

export async function quarterlyDrill({ stage, environment, ...setup }) {
  const story = Story.begin({ title: "The quarter's drill", alert: "Drill: application rollback", environment, recovers: true, ...setup });
  const { operator } = story.people;
  const standing = async () => (await operator.get("/ops/drills")).drills.find(({ kind }) => kind === "application");
  const before = await standing();
  story.proves(`the drill of applications is ${before.standing}`, before.standing === "due", before);
  await story.drills("application");
  await story.acknowledge();
  await story.decide("application", "the drill of this quarter", operator);
  const run = await story.ask({ kind: "application", application: "api" });
  const { tag } = run.preview.recipe.image;
  story.proves(`the release before is proposed: ${tag}`, tag === BEFORE, run.preview.recipe.image);
  story.proves("the run is a drill's, in staging", run.target.mode === "drill" && run.target.environment === "staging", run.target);
  await story.approved(story.people.approver);
  const done = await story.executed();
  story.proves("the rollback succeeds", done.state === "succeeded", done);
  const good = await stage.registry.digest("warranty/api", BEFORE);
  const pods = stage.environments[environment].cluster.serving("api").map(({ imageID }) => imageID);
  story.proves("every pod runs that image, by its digest", pods.length > 0 && pods.every((id) => id.endsWith(good)), pods);
  story.afterwards = async () => {
    const after = await standing();
    story.proves(`the drill is ${after.standing}, with its recovery time: ${after.recoverySeconds} s`, after.standing === "done" && after.recoverySeconds > 0, after);
  };
  return story;
}
