//! Typed identifiers: an incident's can't be taken for a run's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Gives the UUID its type. UUIDs are made outside: this crate knows neither clock nor chance.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id! {
    /// An incident.
    IncidentId
}

id! {
    /// A rollback run.
    RunId
}

id! {
    /// A validation of an incident.
    ValidationId
}

id! {
    /// A drill.
    DrillId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_a_uuid() {
        let text = "01890a5d-ac96-774b-bcce-b302099a8057";
        let id: RunId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_value(id).unwrap(), text);
        assert!("run-1".parse::<RunId>().is_err());
    }
}
