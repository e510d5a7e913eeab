//! What a token says its bearer is.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a token says its bearer is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The person whose goods are serviced.
    Customer,
    /// The person who does the service.
    Technician,
    /// Somebody of the service centre that a service request is assigned to.
    ServiceCenter,
    /// The warranty platform itself: it reports service requests and reads, and writes no messages.
    Platform,
    /// Runs production rollbacks.
    Operator,
    /// Approves what an operator asks for.
    Approver,
    /// Commands an incident.
    Commander,
    /// Reads the audit log.
    Auditor,
}

/// A text that names no role.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown role")]
pub struct UnknownRole;

impl Role {
    /// Every role, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Customer,
        Self::Technician,
        Self::ServiceCenter,
        Self::Platform,
        Self::Operator,
        Self::Approver,
        Self::Commander,
        Self::Auditor,
    ];

    /// The role as tokens and JSON spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Technician => "technician",
            Self::ServiceCenter => "service-center",
            Self::Platform => "platform",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Commander => "commander",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_agree() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!("Customer".parse::<Role>(), Err(UnknownRole));
    }
}
