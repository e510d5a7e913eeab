//! Everybody who takes something of this node.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use chat::{UserId, Whose};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::account::Account;
use crate::Limits;

/// How many maps share the accounts, so that those who look one up seldom wait for each other.
const SHARDS: usize = 16;

/// How many accounts a map has at most. Beyond that those who are new share one, until others have nothing to remember.
const ACCOUNTS: usize = 8_192;

/// Whose an account is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Subject {
    /// A user.
    User(UserId),
    /// An address; of IPv6 the network that one customer of a provider has.
    Address(IpAddr),
}

impl Subject {
    /// The account of whoever has this address.
    pub(crate) fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            address => address,
        })
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(user) => f.write_str(&Whose::User.subject(user)),
            Self::Address(address) => f.write_str(&Whose::Address.subject(address)),
        }
    }
}

type Shard = HashMap<Subject, Arc<Account>>;

/// The accounts of all who are here, or were lately.
pub(crate) struct Accounts {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    limits: Limits,
    /// What users share for whom there is no room, and what addresses do.
    overflow: [Arc<Account>; 2],
}

impl Accounts {
    /// None yet.
    pub(crate) fn new(limits: &Limits) -> Self {
        let overflow = |whose| {
            let allowance = if whose == Whose::User { limits.of_user } else { limits.of_address };
            Account::new(whose, allowance, limits.joins, limits.catch_ups)
        };
        Self {
            shards: Default::default(),
            hasher: RandomState::new(),
            limits: limits.clone(),
            overflow: [overflow(Whose::User), overflow(Whose::Address)],
        }
    }

    /// The account of a user.
    pub(crate) fn user(&self, user: &UserId) -> Arc<Account> {
        self.of(Subject::User(user.clone()))
    }

    /// The account of an address. One that is not known has no account, and no limit.
    pub(crate) fn address(&self, address: Option<IpAddr>) -> Option<Arc<Account>> {
        address.map(|address| self.of(Subject::address(address)))
    }

    fn of(&self, subject: Subject) -> Arc<Account> {
        let mut shard = self.shard(&subject).lock();
        if let Some(account) = shard.get(&subject) {
            return Arc::clone(account);
        }
        let limits = &self.limits;
        let account = match &subject {
            Subject::User(_) if shard.len() >= ACCOUNTS => return Arc::clone(&self.overflow[0]),
            Subject::Address(_) if shard.len() >= ACCOUNTS => return Arc::clone(&self.overflow[1]),
            Subject::User(_) => {
                Account::new(Whose::User, limits.of_user, limits.joins_of_user, limits.catch_ups_of_user)
            }
            Subject::Address(address) => {
                let allowance = if is_public(*address) { limits.of_address } else { limits.of_local_address };
                Account::new(Whose::Address, allowance, limits.joins, limits.catch_ups)
            }
        };
        shard.insert(subject, Arc::clone(&account));
        account
    }

    /// All of them; those who have nothing to remember are forgotten.
    pub(crate) fn tidy(&self, now: Instant) -> Vec<(Subject, Arc<Account>)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.retain(|subject, account| {
                // Whoever is about to use it holds it, or has to come here first.
                let keep = Arc::strong_count(account) > 1 || !account.is_idle(now);
                if keep {
                    all.push((subject.clone(), Arc::clone(account)));
                }
                keep
            });
            if shard.is_empty() && shard.capacity() > 64 {
                *shard = HashMap::new();
            }
        }
        all
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder of the length is within it")]
    fn shard(&self, subject: &Subject) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(subject) as usize % SHARDS]
    }
}

/// Whether an address says something about a client. One of this machine or of a network of its own is mostly a proxy, behind
/// which there is everybody.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // Networks that providers and clouds keep to themselves (RFC 6598).
            let shared = first == 100 && second & 0b1100_0000 == 64;
            let none = address == Ipv4Addr::UNSPECIFIED;
            !(address.is_loopback() || address.is_private() || address.is_link_local() || shared || none)
        }
        IpAddr::V6(address) => {
            let local = address.is_unique_local() || address.is_unicast_link_local();
            // The loopback address is cut to its network, which is `::`.
            !(local || address.is_unspecified() || address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_is_not_public_has_no_limit_by_default() {
        for local in
            ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.1.1", "100.64.0.1", "::1", "fd00::1", "fe80::1", "::"]
        {
            assert!(matches!(Subject::address(address(local)), Subject::Address(cut) if !is_public(cut)), "{local}");
        }
        for public in ["203.0.113.7", "100.128.0.1", "2001:db8::1", "::ffff:203.0.113.7"] {
            assert!(matches!(Subject::address(address(public)), Subject::Address(cut) if is_public(cut)), "{public}");
        }
    }

    #[test]
    fn a_network_of_one_customer_is_one_address() {
        let same = |one: &str, other: &str| Subject::address(address(one)) == Subject::address(address(other));
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(same("::ffff:203.0.113.7", "203.0.113.7"));
        assert!(!same("203.0.113.7", "203.0.113.8"));
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_are_bounded_and_forgotten_when_nothing_is_missing() {
        let limits = Limits { of_user: chat::Allowance::UNLIMITED.with("joins=60").unwrap(), ..Limits::default() };
        let accounts = Accounts::new(&limits);
        let user = |number: usize| format!("user {number}").parse::<UserId>().unwrap();
        let most = SHARDS * ACCOUNTS;
        for number in 0..most + 10_000 {
            accounts.user(&user(number)).take(chat::Activity::Joins, Instant::now()).ok();
        }
        assert!(accounts.count() <= most);
        let overflow = accounts.user(&user(most + 20_000));
        assert!(overflow.take(chat::Activity::Joins, Instant::now()).is_err(), "they share one");
        let held = accounts.user(&user(1));
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        assert_eq!(accounts.tidy(Instant::now()).len(), 1, "whoever is here is kept");
        assert!(Arc::ptr_eq(&held, &accounts.user(&user(1))));
    }
}
