// Data is bad: the database goes back to the time before, on a new server, and every application with it.

import { APPLICATIONS } from "../environment.mjs";
import { Story } from "../story.mjs";

/** Spoils a fifth of the data, as a migration gone wrong would. */
export async function spoil(environment) {
  const [{ count }] = await environment.sql(
    `with spoilt as (
       update service_request set customer = 'nobody-' || id, changed_at = clock_timestamp() where id like 'request-1%' returning 1
     ) select count(*)::int from spoilt`,
  );
  return count;
}

export async function badData({ stage, environment, ...setup }) {
  const story = Story.begin({ title: "Data that has gone bad", alert: "BadData", environment, recovers: true, ...setup });
  const place = stage.environments[environment];
  const count = await spoil(place);
  story.tell(`${count} service requests belong to nobody any more`);
  await story.opened();
  await story.acknowledge();
  const { recommendation } = await story.recommended();
  story.proves("the database is recommended to go back", recommendation.kind === "database", recommendation);
  await story.decide("database", "no release brings the customers back");
  const run = await story.ask({ kind: "database", server: place.server, applications: APPLICATIONS });
  const { pointInTime, restored } = run.preview.recipe;
  story.tell(`the point in time is ${pointInTime}, the new server ${restored}`);
  await story.approved(story.people.approver, story.people.second);
  const done = await story.executed();
  story.proves("the rollback succeeds", done.state === "succeeded", done);

  const own = `select count(*)::int as count from service_request where customer like 'nobody%'`;
  const [bad] = await place.sql(own, [], restored);
  story.proves("no bad row is on the restored server", bad.count === 0, bad);
  const [last] = await place.sql("select max(changed_at) as at from service_request where id like 'older-%'", [], restored);
  const [next] = await place.sql("select min(changed_at) as at from service_request where changed_at > $1", [pointInTime]);
  story.proves(
    `its data is that of the point in time: the last row is of ${last.at.toISOString()}, the next would be of ${next.at.toISOString()}`,
    last.at <= new Date(pointInTime) && next.at > new Date(pointInTime),
  );
  const [untouched] = await place.sql(own);
  story.proves("the source is as it was", untouched.count === count, untouched);
  const pods = place.cluster.live;
  const revisions = await Promise.all(pods.map(async ({ origin }) => (await (await fetch(`${origin}/version`)).json()).database));
  const host = stage.arm.server(restored).host;
  story.proves("every application uses the restored server", revisions.every((it) => it === host), revisions);
  const { loss } = (await story.incident()).incident;
  story.proves(`the loss is measured: ${loss.measuredSeconds} s, asked ${loss.askedSeconds} s`, loss.measuredSeconds > 0, loss);
  return story;
}
