// One of five applications does not get ready with the restored database: the run stops, and the writers stay away.

import { APPLICATIONS } from "../environment.mjs";
import { Story } from "../story.mjs";
import { spoil } from "./bad-data.mjs";

const FAILING = "billing";

export async function oneOfFive({ stage, environment, ...setup }) {
  const story = Story.begin({ title: "One of five applications fails to redeploy", alert: "BadData", environment, ...setup });
  const place = stage.environments[environment];
  story.tell(`${await spoil(place)} service requests belong to nobody any more`);
  await story.opened();
  await story.acknowledge();
  await story.decide("database", "no release brings the customers back");
  const run = await story.ask({ kind: "database", server: place.server, applications: APPLICATIONS });
  const { restored } = run.preview.recipe;
  await story.approved(story.people.approver, story.people.second);
  place.cluster.cordon(FAILING);
  story.tell(`no node takes new pods of ${FAILING}`);
  const stopped = await story.executed();
  await story.stopped(stopped, `D7:${FAILING}:A4`, "redeployment_failed");
  const frozen = await place.sql("show default_transaction_read_only", [], restored);
  story.proves("the writers are still kept away", frozen[0].default_transaction_read_only === "on", frozen);
  const revision = (name) => place.cluster.get("deployments", name).spec.template.metadata.annotations?.["hubline.dev/database-revision"];
  const moved = APPLICATIONS.slice(0, APPLICATIONS.indexOf(FAILING)).map(revision);
  const left = APPLICATIONS.slice(APPLICATIONS.indexOf(FAILING)).map(revision);
  story.proves("those before it have the new connection, it and those after it the old one", moved.every(Boolean) && !left.some(Boolean), { moved, left });

  place.cluster.uncordon(FAILING);
  for (const application of APPLICATIONS.slice(APPLICATIONS.indexOf(FAILING))) {
    const [, imageTag, imageDigest] = place.images[application].match(/:([^:@]+)@(sha256:.+)$/);
    await stage.dispatch("deploy.yml", { environment, application, imageTag, imageDigest, databaseRevision: run.id });
  }
  await stage.dispatch("freeze.yml", { environment, mode: "thaw" });
  story.tell("by the runbook: the rest is redeployed by hand, and the writers are let in");
  await story.attested("all five applications run with the restored database, and writers are let in");
  return story;
}
