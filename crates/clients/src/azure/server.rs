//! A server of PostgreSQL as the resource manager describes it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::setting::{self, Difference, Setting};

/// The tag that says which run has asked for a server.
pub(super) const RUN: &str = "rollback-run";

/// The tag that says of which server it is a restore.
pub(super) const SOURCE: &str = "rollback-source";

/// The tag that says to which point in time it was restored.
pub(super) const POINT: &str = "rollback-point-in-time";

/// A server.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// The resource manager's name for it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub location: String,
    /// Its state: `Ready`, `Provisioning`, `Updating`, `Dropping` and others.
    pub state: String,
    /// The name by which it is reached; empty while it has none.
    pub host: String,
    /// The earliest time that its backups hold.
    pub earliest_restore: Option<DateTime<Utc>>,
    /// Which run has asked for it.
    pub run: Option<String>,
    /// Of which server it is a restore.
    pub source: Option<String>,
    /// The point in time that it was restored to.
    pub point_in_time: Option<DateTime<Utc>>,
    /// How it is set up.
    pub setup: BTreeMap<Setting, String>,
    /// What a restore of it is given, so that it comes to be like it.
    pub likeness: Value,
}

impl Server {
    /// Whether it may be used.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state.eq_ignore_ascii_case("ready")
    }

    /// Whether it will never be ready by itself.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        ["dropping", "disabled", "inaccessible", "failed"].iter().any(|state| self.state.eq_ignore_ascii_case(state))
    }

    /// Whether it is the very server that a run has asked for: by its mark, its source and its point in time.
    #[must_use]
    pub fn is_restored_by(&self, run: &str, source: &str, point_in_time: DateTime<Utc>) -> bool {
        self.run.as_deref() == Some(run)
            && self.source.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(source))
            && self.point_in_time == Some(point_in_time)
    }

    /// In what it is set up differently from its source.
    #[must_use]
    pub fn differences(&self, source: &Self) -> Vec<Difference> {
        let settings: BTreeSet<&Setting> = self.setup.keys().chain(source.setup.keys()).collect();
        let difference = |setting: &Setting| {
            let (own, wanted) = (self.setup.get(setting).cloned(), source.setup.get(setting).cloned());
            (own != wanted).then(|| Difference { setting: setting.clone(), own, wanted })
        };
        let mut differences: Vec<Difference> = settings.into_iter().filter_map(difference).collect();
        differences.sort_by_key(|difference| difference.setting.to_string());
        differences
    }

    /// Reads a description.
    pub(super) fn of(description: &Value) -> Option<Self> {
        let text = |pointer: &str| description.pointer(pointer).and_then(Value::as_str);
        let tag = |name: &str| description.get("tags")?.get(name)?.as_str();
        let time = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
        Some(Self {
            id: text("/id")?.to_owned(),
            name: text("/name")?.to_owned(),
            location: text("/location")?.to_owned(),
            state: text("/properties/state").unwrap_or_default().to_owned(),
            host: text("/properties/fullyQualifiedDomainName").unwrap_or_default().to_owned(),
            earliest_restore: text("/properties/backup/earliestRestoreDate").and_then(time),
            run: tag(RUN).map(str::to_owned),
            source: tag(SOURCE).map(str::to_owned),
            point_in_time: tag(POINT).and_then(time),
            setup: setting::described(description),
            likeness: likeness(description),
        })
    }
}

/// What a restore is given of its source: it keeps its network for ever, and its size until somebody changes it.
fn likeness(description: &Value) -> Value {
    let mut like = serde_json::Map::new();
    let mut properties = serde_json::Map::new();
    if let Some(sku) = description.get("sku").filter(|sku| !sku.is_null()) {
        like.insert("sku".to_owned(), sku.clone());
    }
    let network = description.pointer("/properties/network");
    if let Some(subnet) =
        network.and_then(|network| network.get("delegatedSubnetResourceId")).filter(|it| it.is_string())
    {
        let zone = network.and_then(|network| network.get("privateDnsZoneArmResourceId")).cloned().unwrap_or_default();
        let network = serde_json::json!({"delegatedSubnetResourceId": subnet, "privateDnsZoneArmResourceId": zone});
        properties.insert("network".to_owned(), network);
    }
    let geo = description.pointer("/properties/backup/geoRedundantBackup");
    if geo.and_then(Value::as_str) == Some("Enabled") {
        properties.insert("backup".to_owned(), serde_json::json!({"geoRedundantBackup": "Enabled"}));
    }
    like.insert("properties".to_owned(), properties.into());
    like.into()
}

#[cfg(test)]
pub(in crate::azure) mod tests {
    use serde_json::json;

    use super::*;

    /// A server as the resource manager describes it (2024-08-01).
    pub(in crate::azure) fn description(name: &str) -> Value {
        json!({
            "id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/{name}"),
            "name": name, "type": "Microsoft.DBforPostgreSQL/flexibleServers", "location": "West Europe",
            "tags": {"rollback-run": "r-1", "rollback-source": "ORDERS-DB", "rollback-point-in-time": "2024-05-01T09:59:00Z"},
            "sku": {"name": "Standard_D2s_v3", "tier": "GeneralPurpose"},
            "properties": {"version": "16", "state": "Ready",
                "fullyQualifiedDomainName": format!("{name}.postgres.database.azure.com"),
                "storage": {"storageSizeGB": 128}, "highAvailability": {"mode": "ZoneRedundant"},
                "network": {"publicNetworkAccess": "Disabled", "delegatedSubnetResourceId": "/subnets/a",
                    "privateDnsZoneArmResourceId": "/zones/a"},
                "authConfig": {"activeDirectoryAuth": "Enabled", "passwordAuth": "Enabled"},
                "backup": {"backupRetentionDays": 7, "geoRedundantBackup": "Disabled",
                    "earliestRestoreDate": "2024-04-24T10:00:00.1234567+00:00"}}})
    }

    #[test]
    fn it_reads_what_is_there() {
        let server = Server::of(&description("orders-db")).unwrap();
        assert!(server.is_ready() && !server.is_failed());
        assert_eq!(server.host, "orders-db.postgres.database.azure.com");
        assert!(server.earliest_restore.is_some());
        let point = "2024-05-01T09:59:00Z".parse().unwrap();
        assert!(server.is_restored_by("r-1", "orders-db", point));
        assert!(!server.is_restored_by("r-2", "orders-db", point));
        assert!(!server.is_restored_by("r-1", "chat-db", point));
        assert_eq!(server.likeness["properties"]["network"]["delegatedSubnetResourceId"], "/subnets/a");
        assert_eq!(Server::of(&json!({"name": "a"})), None);
        let kept = serde_json::to_value(&server).unwrap();
        assert_eq!(serde_json::from_value::<Server>(kept).unwrap(), server);
    }

    #[test]
    fn what_differs_is_said() {
        let source = Server::of(&description("orders-db")).unwrap();
        let mut other = description("restored");
        other["properties"]["highAvailability"]["mode"] = "Disabled".into();
        other["properties"]["network"]["publicNetworkAccess"] = "Enabled".into();
        let differences = Server::of(&other).unwrap().differences(&source);
        assert_eq!(
            differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "access from public networks: Enabled, at the source nothing",
                "high availability: nothing, at the source ZoneRedundant"
            ]
        );
        assert!(source.differences(&source).is_empty());
    }
}
