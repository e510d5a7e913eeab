//! Secrets that were fetched, for as long as the instance lives and they hold.
//!
//! Each is kept under the environment that it belongs to and the credential that brought it, so that one environment's
//! token never leaves for another's.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use clients::Secret;
use rollback::{Digest, Environment, Repository};

/// How long before its end a secret is not used any more: the call that it is for takes time, and clocks differ.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// What a token of GitHub is for: each purpose asks for the permissions that it needs, and no more.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Purpose {
    /// Reading runs and commits.
    Reading,
    /// Dispatching workflows.
    Dispatching,
    /// Letting deployments through.
    Reviewing,
    /// Writing secrets and variables.
    WritingSecrets,
}

/// Whose secret it is, and what for.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SecretName {
    /// A token of Entra.
    Entra {
        /// Who logs in.
        client: String,
        /// For which audience.
        audience: String,
    },
    /// A token of a GitHub App's installation.
    Github {
        /// What for.
        purpose: Purpose,
        /// For which repository.
        repository: String,
    },
    /// What an artifact of GitHub is fetched from: its address opens it.
    Archive(u64),
    /// The registry's token that others are got with.
    RegistryRefresh,
    /// The registry's token for a repository.
    RegistryAccess(Repository),
    /// Where the registry keeps a blob: its address opens it.
    RegistryBlob(Digest),
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entra { client, audience } => write!(f, "entra/{client}/{audience}"),
            Self::Github { purpose, repository } => {
                let purpose = match purpose {
                    Purpose::Reading => "read",
                    Purpose::Dispatching => "dispatch",
                    Purpose::Reviewing => "review",
                    Purpose::WritingSecrets => "secrets",
                };
                write!(f, "github/{purpose}/{repository}")
            }
            Self::Archive(artifact) => write!(f, "archive/{artifact}"),
            Self::RegistryRefresh => f.write_str("registry/refresh"),
            Self::RegistryAccess(repository) => write!(f, "registry/access/{repository}"),
            Self::RegistryBlob(digest) => write!(f, "registry/blob/{digest}"),
        }
    }
}

/// A secret, and until when it holds.
type Lasting = (Secret, DateTime<Utc>);

/// Secrets that were fetched.
#[derive(Default)]
pub struct Memory(RefCell<BTreeMap<(Environment, SecretName), Lasting>>);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.borrow().keys()).finish()
    }
}

impl Memory {
    /// A secret that still holds.
    #[must_use]
    pub fn get(&self, environment: Environment, name: &SecretName, now: DateTime<Utc>) -> Option<Secret> {
        let secrets = self.0.borrow();
        secrets.get(&(environment, name.clone())).filter(|(_, until)| now < *until).map(|(secret, _)| secret.clone())
    }

    /// Keeps a secret. One that lasts only a moment is kept for half of it.
    pub fn put(
        &self,
        environment: Environment,
        name: SecretName,
        secret: Secret,
        lasts: TimeDelta,
        now: DateTime<Utc>,
    ) {
        let lasts = (lasts - MARGIN).max(lasts / 2);
        self.0.borrow_mut().insert((environment, name), (secret, now + lasts));
    }

    /// Forgets the secrets of an environment, because one of them was refused. Whether there were any.
    pub fn forget(&self, environment: Environment) -> bool {
        let mut secrets = self.0.borrow_mut();
        let before = secrets.len();
        secrets.retain(|(of, _), _| *of != environment);
        secrets.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_given_while_it_holds_and_to_whom_it_belongs() {
        use Environment::{Production, Staging};

        let (memory, now) = (Memory::default(), DateTime::UNIX_EPOCH);
        let (token, link) = (SecretName::RegistryRefresh, SecretName::Archive(7));
        memory.put(Staging, token.clone(), "s3cret".into(), TimeDelta::hours(1), now);
        memory.put(Staging, link.clone(), "short".into(), TimeDelta::seconds(60), now);
        assert_eq!(memory.get(Staging, &token, now + TimeDelta::minutes(58)), Some("s3cret".into()));
        assert_eq!(memory.get(Staging, &token, now + TimeDelta::minutes(59)), None);
        assert_eq!(memory.get(Production, &token, now), None);
        assert_eq!(memory.get(Staging, &link, now + TimeDelta::seconds(29)), Some("short".into()));
        assert!(!memory.forget(Production));
        assert!(memory.forget(Staging));
        assert_eq!(memory.get(Staging, &token, now), None);
        assert!(!format!("{memory:?}").contains("s3cret"));
    }
}
