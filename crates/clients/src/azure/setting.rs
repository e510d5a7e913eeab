//! How a server is set up, as far as a restored one is compared with its source.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that a server is set up with. In JSON it is called as a person calls it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Setting {
    /// The version of PostgreSQL.
    Version,
    /// The size.
    Size,
    /// The tier.
    Tier,
    /// The storage.
    Storage,
    /// High availability.
    HighAvailability,
    /// Access from public networks.
    PublicAccess,
    /// The subnet.
    Subnet,
    /// The private DNS zone.
    PrivateDnsZone,
    /// Logins by Entra.
    EntraLogins,
    /// Logins by password.
    PasswordLogins,
    /// The encryption.
    Encryption,
    /// Backups in a second region.
    GeoRedundantBackups,
    /// A firewall rule, by name.
    FirewallRule(String),
    /// A parameter, by name.
    Parameter(String),
    /// An administrator, by name.
    Administrator(String),
}

/// A text that calls no setting.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown setting of a server")]
pub struct UnknownSetting;

/// What a server's own description says, and where.
const DESCRIBED: [(Setting, &str); 12] = [
    (Setting::Version, "/properties/version"),
    (Setting::Size, "/sku/name"),
    (Setting::Tier, "/sku/tier"),
    (Setting::Storage, "/properties/storage/storageSizeGB"),
    (Setting::HighAvailability, "/properties/highAvailability/mode"),
    (Setting::PublicAccess, "/properties/network/publicNetworkAccess"),
    (Setting::Subnet, "/properties/network/delegatedSubnetResourceId"),
    (Setting::PrivateDnsZone, "/properties/network/privateDnsZoneArmResourceId"),
    (Setting::EntraLogins, "/properties/authConfig/activeDirectoryAuth"),
    (Setting::PasswordLogins, "/properties/authConfig/passwordAuth"),
    (Setting::Encryption, "/properties/dataEncryption/type"),
    (Setting::GeoRedundantBackups, "/properties/backup/geoRedundantBackup"),
];

const FIREWALL_RULE: &str = "the firewall rule ";
const PARAMETER: &str = "the parameter ";
const ADMINISTRATOR: &str = "the administrator ";

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the version of PostgreSQL",
            Self::Size => "the size",
            Self::Tier => "the tier",
            Self::Storage => "the storage",
            Self::HighAvailability => "high availability",
            Self::PublicAccess => "access from public networks",
            Self::Subnet => "the subnet",
            Self::PrivateDnsZone => "the private DNS zone",
            Self::EntraLogins => "logins by Entra",
            Self::PasswordLogins => "logins by password",
            Self::Encryption => "the encryption",
            Self::GeoRedundantBackups => "backups in a second region",
            Self::FirewallRule(name) => return write!(f, "{FIREWALL_RULE}{name}"),
            Self::Parameter(name) => return write!(f, "{PARAMETER}{name}"),
            Self::Administrator(name) => return write!(f, "{ADMINISTRATOR}{name}"),
        })
    }
}

impl TryFrom<String> for Setting {
    type Error = UnknownSetting;

    fn try_from(text: String) -> Result<Self, UnknownSetting> {
        let named = |kind: &str| text.strip_prefix(kind).map(str::to_owned);
        DESCRIBED
            .into_iter()
            .map(|(setting, _)| setting)
            .find(|setting| setting.to_string() == text)
            .or_else(|| named(FIREWALL_RULE).map(Self::FirewallRule))
            .or_else(|| named(PARAMETER).map(Self::Parameter))
            .or_else(|| named(ADMINISTRATOR).map(Self::Administrator))
            .ok_or(UnknownSetting)
    }
}

impl From<Setting> for String {
    fn from(setting: Setting) -> Self {
        setting.to_string()
    }
}

/// What a server's own description says.
pub(super) fn described(description: &Value) -> BTreeMap<Setting, String> {
    let read = |(setting, pointer): (Setting, &str)| {
        let text = match description.pointer(pointer)? {
            Value::String(text) if !text.is_empty() && text != "Disabled" => text.clone(),
            Value::Number(number) => number.to_string(),
            // What is disabled is not there, whether it says so or leaves it out.
            _ => return None,
        };
        Some((setting, text))
    };
    DESCRIBED.into_iter().filter_map(read).collect()
}

/// In what a server is set up differently from its source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// In what.
    pub setting: Setting,
    /// How it is set up itself; none when it is not.
    pub own: Option<String>,
    /// How its source is.
    pub wanted: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, own, wanted } = self;
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{setting}: {}, at the source {}", text(own), text(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_kept_as_a_person_calls_it() {
        let named = [Setting::FirewallRule("office".to_owned()), Setting::Parameter("work_mem".to_owned())];
        let named = named.into_iter().chain([Setting::Administrator("0a1b".to_owned())]);
        for setting in DESCRIBED.into_iter().map(|(setting, _)| setting).chain(named) {
            let kept = serde_json::to_value(&setting).unwrap();
            assert_eq!(kept, setting.to_string());
            assert_eq!(serde_json::from_value::<Setting>(kept).unwrap(), setting);
        }
        assert_eq!(Setting::HighAvailability.to_string(), "high availability");
        assert_eq!(Setting::FirewallRule("office".to_owned()).to_string(), "the firewall rule office");
        assert_eq!(Setting::try_from("the colour".to_owned()), Err(UnknownSetting));
        let setup = BTreeMap::from([(Setting::Size, "small".to_owned())]);
        assert_eq!(serde_json::to_value(&setup).unwrap(), serde_json::json!({"the size": "small"}));
    }
}
