// How Hubline is configured for the lab: where everything is, by environment, and with which credentials it is reached.

import { APPLICATIONS } from "./environment.mjs";
import { REPOSITORY } from "./stage.mjs";

/** The variables of the manifest, by name. `page` is where Hubline itself is. */
export function variables(stage, page) {
  const { github, entra, arm, monitoring, notifications, credentials } = stage;
  const all = {
    github_origin: github.origin,
    github_artifact_origin: github.artifacts.store.origin,
    entra_origin: entra.origin,
    azure_origin: arm.origin,
    pagerduty_origin: notifications.origin,
    slack_origin: notifications.origin,
    webhook_origin: notifications.origin,
    alert_token: credentials.alertToken,
    github_webhook_secret: credentials.githubSecret,
  };
  for (const environment of Object.values(stage.environments)) {
    const { name, acr, cluster, ingress } = environment;
    all[name] = JSON.stringify(targets(stage, environment, page));
    all[`${name}_credentials`] = JSON.stringify(keys(stage, environment));
    all[`${name}_registry_origin`] = acr.origin;
    all[`${name}_registry_blob_origin`] = stage.registry.origin;
    all[`${name}_kubernetes_origin`] = cluster.origin;
    all[`${name}_prometheus_origin`] = monitoring.origin;
    all[`${name}_smoke_origin`] = ingress.origin;
  }
  return all;
}

function targets({ registry, github, arm, entra, monitoring, notifications, credentials }, { name, acr, cluster, ingress, server }, page) {
  return {
    environment: name,
    github: {
      api: github.origin,
      artifacts: github.artifacts.store.origin,
      app: { id: "Iv23hubline", installation: 4711 },
      repository: REPOSITORY,
      gate: true,
    },
    registry: { server: acr.origin, blobs: registry.origin },
    azure: {
      management: arm.origin,
      entra: entra.origin,
      tenant: credentials.tenant,
      subscription: arm.subscription,
      resourceGroup: arm.group,
    },
    kubernetes: { api: cluster.origin, namespace: name },
    prometheus: { api: monitoring.origin, queries: queries(name) },
    applications: APPLICATIONS.map((application) => ({
      name: application,
      deployment: application,
      container: application,
      image: `warranty/${application}`,
    })),
    database: { server, connection: `postgres://app:{password}@{host}:${arm.databasePort}/app` },
    notify: { pagerduty: notifications.origin, webhook: `${notifications.origin}/webhook`, page },
    smoke: {
      base: ingress.origin,
      user: {
        name: "register a user",
        method: "POST",
        path: "/users",
        body: { id: "{key}", name: "Smoke" },
        expect: { status: [201], body: { id: "{key}", name: "Smoke" } },
        cleanup: { method: "DELETE", path: "/users/{key}" },
      },
      serviceRequest: {
        name: "create a service request",
        method: "POST",
        path: "/service-requests",
        body: { id: "{key}", customer: "ada", subject: "smoke" },
        expect: { status: [201], body: { id: "{key}", subject: "smoke" } },
        cleanup: { method: "DELETE", path: "/service-requests/{answer:/id}" },
      },
    },
  };
}

function queries(name) {
  const here = `environment="${name}"`;
  const failed = `(sum(rate(http_requests_total{${here},code=~"5.."}[$window])) or vector(0))`;
  return {
    p95: `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{${here}}[$window])))`,
    errorRatio: `${failed} / sum(rate(http_requests_total{${here}}[$window]))`,
    requests: `sum(increase(http_requests_total{${here}}[$window]))`,
    schema: `max(app_schema_version{${here}})`,
    badDataSince: `min(app_bad_data_since_seconds{${here}})`,
  };
}

function keys({ credentials, notifications }, { name }) {
  return {
    environment: name,
    github: { appKey: credentials.appKey },
    azure: { clientId: credentials.clientId, clientSecret: credentials.clientSecret },
    kubernetes: `hubline-${name}`,
    pagerduty: credentials.routingKey,
    slack: notifications.origin + credentials.slackPath,
    webhook: credentials.webhookSecret,
    smoke: credentials.apiToken,
    databasePassword: credentials.databasePassword,
  };
}
