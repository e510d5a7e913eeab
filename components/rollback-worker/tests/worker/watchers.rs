//! What the cluster runs, and what is measured of it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::world::{Answer, World};

impl World {
    pub fn cluster(&self, path: &str, query: &BTreeMap<String, String>) -> Answer {
        let (now, state) = (*self.now.borrow(), self.state.borrow());
        if let Some(name) = path.strip_prefix("/apis/apps/v1/namespaces/production/deployments/") {
            let (digest, revision) = &state.images[name];
            let annotations = revision
                .as_ref()
                .map_or_else(|| json!({}), |revision| json!({"hubline.dev/database-revision": revision}));
            return Answer::json(
                200,
                &json!({
                    "apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": {"name": name, "namespace": "production", "generation": 2},
                    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
                        "metadata": {"labels": {"app": name}, "annotations": annotations},
                        "spec": {"containers": [{"name": "api", "image": format!("registry.test/{name}@{digest}")}]},
                    }},
                    "status": {
                        "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1,
                        "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                            "lastUpdateTime": now - TimeDelta::minutes(5), "lastTransitionTime": now - TimeDelta::minutes(5)}],
                    },
                }),
            );
        }
        assert_eq!(path, "/api/v1/namespaces/production/pods");
        let name = query["labelSelector"].split('=').nth(1).unwrap();
        let (digest, _) = &state.images[name];
        Answer::json(
            200,
            &json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [{
                "metadata": {"name": format!("{name}-1"), "namespace": "production", "labels": {"app": name}},
                "spec": {"containers": [{"name": "api", "image": format!("registry.test/{name}@{digest}")}]},
                "status": {
                    "phase": "Running", "startTime": now - TimeDelta::minutes(5),
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [{
                        "name": "api", "ready": true, "restartCount": 0, "image": name,
                        "imageID": format!("registry.test/{name}@{digest}"), "state": {"running": {"startedAt": now}}, "lastState": {},
                    }],
                },
            }]}),
        )
    }

    pub fn rules(&self) -> Answer {
        let now = *self.now.borrow();
        let alert = json!({
            "labels": {"alertname": "HighAPILatency", "environment": "production", "severity": "critical"},
            "annotations": {}, "state": "firing", "activeAt": now, "value": "0.65",
        });
        let alerts = if self.state.borrow().fires { vec![alert] } else { Vec::new() };
        let rule = json!({
            "state": "inactive", "name": "HighAPILatency", "query": "x", "duration": 60, "labels": {}, "annotations": {},
            "alerts": alerts, "health": "ok", "evaluationTime": 0.001, "lastEvaluation": now, "type": "alerting",
        });
        let group = json!({"name": "api", "file": "a.yml", "rules": [rule], "interval": 15, "limit": 0});
        Answer::json(200, &json!({"status": "success", "data": {"groups": [group]}}))
    }

    pub fn prometheus(&self, query: &BTreeMap<String, String>) -> Answer {
        let asked = &query["query"];
        let at: DateTime<Utc> = query["time"].parse().unwrap();
        let now = at.timestamp();
        let value = if asked.contains("histogram_quantile") {
            Some("0.2")
        } else if asked.contains("ALERTS") {
            None
        } else if asked.contains('/') {
            Some("0")
        } else {
            Some("500")
        };
        let result: Vec<Value> = value.iter().map(|value| json!({"metric": {}, "value": [now, value]})).collect();
        Answer::json(200, &json!({"status": "success", "data": {"resultType": "vector", "result": result}}))
    }
}
