//! What a plan may not touch without being told so.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    Digest,
    canonical::{self, CanonicalError},
};

/// Types of resources that hold data: no exception lets a plan destroy, replace or forget one. A rollback of
/// infrastructure is no way to delete a database.
const HOLD_DATA: [&str; 26] = [
    "aws_db_instance",
    "aws_dynamodb_table",
    "aws_ebs_volume",
    "aws_efs_file_system",
    "aws_rds_cluster",
    "aws_s3_bucket",
    "azurerm_cosmosdb_account",
    "azurerm_cosmosdb_sql_database",
    "azurerm_managed_disk",
    "azurerm_mssql_database",
    "azurerm_mssql_managed_instance",
    "azurerm_mssql_server",
    "azurerm_mysql_flexible_database",
    "azurerm_mysql_flexible_server",
    "azurerm_postgresql_database",
    "azurerm_postgresql_flexible_server",
    "azurerm_postgresql_flexible_server_database",
    "azurerm_postgresql_server",
    "azurerm_recovery_services_vault",
    "azurerm_storage_account",
    "azurerm_storage_container",
    "azurerm_storage_share",
    "google_bigquery_dataset",
    "google_sql_database",
    "google_sql_database_instance",
    "google_storage_bucket",
];

/// Types of resources that everything else stands on, or that decide who may do what.
const PROTECTED: [&str; 18] = [
    "azurerm_container_registry",
    "azurerm_dns_zone",
    "azurerm_federated_identity_credential",
    "azurerm_firewall",
    "azurerm_key_vault",
    "azurerm_key_vault_access_policy",
    "azurerm_key_vault_key",
    "azurerm_key_vault_secret",
    "azurerm_kubernetes_cluster",
    "azurerm_kubernetes_cluster_node_pool",
    "azurerm_private_dns_zone",
    "azurerm_private_endpoint",
    "azurerm_resource_group",
    "azurerm_role_assignment",
    "azurerm_role_definition",
    "azurerm_subnet",
    "azurerm_user_assigned_identity",
    "azurerm_virtual_network",
];

/// What a plan may not touch without being told so: by type or by exact address. Configuration adds to it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Protection {
    hold_data: BTreeSet<String>,
    protected: BTreeSet<String>,
}

/// What configuration adds, by type or by exact address.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Additions {
    hold_data: BTreeSet<String>,
    protected: BTreeSet<String>,
}

impl Default for Protection {
    fn default() -> Self {
        Self::from(Additions::default())
    }
}

impl From<Additions> for Protection {
    fn from(additions: Additions) -> Self {
        let with =
            |list: &[&str], more: BTreeSet<String>| list.iter().map(|&name| name.to_owned()).chain(more).collect();
        Self { hold_data: with(&HOLD_DATA, additions.hold_data), protected: with(&PROTECTED, additions.protected) }
    }
}

impl<'de> Deserialize<'de> for Protection {
    /// Reads what is added: `{"holdData": […], "protected": […]}`.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Additions::deserialize(deserializer).map(Self::from)
    }
}

impl Protection {
    /// Whether the resource holds data.
    #[must_use]
    pub fn holds_data(&self, resource_type: &str, address: &str) -> bool {
        self.hold_data.contains(resource_type) || self.hold_data.contains(address)
    }

    /// Whether the resource is protected; whatever holds data is.
    #[must_use]
    pub fn protects(&self, resource_type: &str, address: &str) -> bool {
        self.protected.contains(resource_type)
            || self.protected.contains(address)
            || self.holds_data(resource_type, address)
    }

    /// The protection, by digest.
    ///
    /// # Errors
    /// Returns [`CanonicalError`] for a protection that JSON can't hold, which none is.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        canonical::digest("hubline plan protection 1", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_adds_and_takes_nothing_away() {
        let protection: Protection =
            serde_json::from_str(r#"{"holdData": ["terraform_data"], "protected": ["module.a.x.y"]}"#).unwrap();
        assert!(protection.holds_data("terraform_data", "terraform_data.a"));
        assert!(protection.protects("x", "module.a.x.y"));
        assert!(!protection.protects("x", "module.a.x.z"));
        assert!(protection.holds_data("azurerm_postgresql_flexible_server", "x"));
        assert!(serde_json::from_str::<Protection>(r#"{"allow": ["azurerm_key_vault"]}"#).is_err());
        assert_ne!(protection.digest().unwrap(), Protection::default().digest().unwrap());
    }

    #[test]
    fn what_holds_data_is_protected() {
        let protection = Protection::default();
        for name in HOLD_DATA.iter().chain(&PROTECTED) {
            assert!(protection.protects(name, "x"), "{name}");
        }
    }
}
