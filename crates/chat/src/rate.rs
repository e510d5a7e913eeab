//! How much of something one user or one address may do.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::{ErrorCode, Refusal};

/// Over which time a rate counts.
const MINUTE: Duration = Duration::from_secs(60);

/// What may be done only so often.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Activity {
    /// Sending a message over the hub.
    Messages,
    /// Joining a conversation.
    Joins,
    /// Negotiating a connection.
    Negotiations,
    /// Opening a connection.
    Connections,
    /// Reading a page of history over HTTP.
    Reads,
    /// Posting a message over HTTP.
    Posts,
}

impl Activity {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Messages, Self::Joins, Self::Negotiations, Self::Connections, Self::Reads, Self::Posts];

    /// Its name in settings, requests and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Joins => "joins",
            Self::Negotiations => "negotiations",
            Self::Connections => "connections",
            Self::Reads => "reads",
            Self::Posts => "posts",
        }
    }

    /// The activity of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|activity| activity.as_str() == name)
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// So many a minute, and as many at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate(NonZeroU32);

impl Rate {
    /// So many a minute.
    #[must_use]
    pub fn a_minute(count: NonZeroU32) -> Self {
        Self(count)
    }

    /// How many a minute.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0.get()
    }

    /// How long one of them takes to be allowed again.
    #[must_use]
    pub fn cost(self) -> Duration {
        MINUTE / self.0.get()
    }

    /// The refusal of somebody who has to wait for so long.
    #[must_use]
    pub fn refusal(self, activity: Activity, whose: Whose, wait: Duration) -> Refusal {
        let seconds = u32::try_from(wait.as_secs_f64().ceil() as u64).unwrap_or(u32::MAX).max(1);
        let (count, activity, whose) = (self.0, activity.as_str(), whose.in_words());
        let detail = format!("more than {count} {activity} a minute {whose}; try again in {seconds} s");
        Refusal { retry_after: Some(seconds), ..ErrorCode::RateLimited.refusal(detail) }
    }
}

/// Whom a limit belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Whose {
    /// A user, wherever they come from.
    User,
    /// An address, whoever comes from there.
    Address,
}

impl Whose {
    /// What the nodes call one of them among themselves.
    #[must_use]
    pub fn subject(self, name: &impl std::fmt::Display) -> String {
        match self {
            Self::User => format!("user {name}"),
            Self::Address => format!("address {name}"),
        }
    }

    /// After `so many a minute`.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::User => "of one user",
            Self::Address => "from one address",
        }
    }
}

/// A token bucket: full at first, it gives as many as its rate says for a minute, and fills up in a minute.
///
/// It is kept as the time at which it will be full again, so that nothing has to be done for it meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes one.
    ///
    /// # Errors
    /// Gives the time after which there is one again.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.filter(|full_at| *full_at > now).unwrap_or(now) + rate.cost();
        let lacks = full_at.duration_since(now);
        // Dividing a minute loses fractions of nanoseconds, in the taker's favour.
        if lacks > MINUTE {
            return Err(lacks - MINUTE);
        }
        self.full_at = Some(full_at);
        Ok(())
    }

    /// How long it takes to be full again.
    #[must_use]
    pub fn lacks(&self, now: Instant) -> Duration {
        self.full_at.map_or(Duration::ZERO, |full_at| full_at.saturating_duration_since(now))
    }

    /// Others have taken from the same: it takes at least so long to be full again.
    pub fn lack(&mut self, time: Duration, now: Instant) {
        if self.lacks(now) < time {
            self.full_at = Some(now + time);
        }
    }
}

/// What one user or one address may do and have; what is `None` has no limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    rates: [Option<Rate>; Activity::ALL.len()],
    /// How many connections may be open at once.
    pub open: Option<NonZeroU32>,
}

/// Why a setting is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no limit: it must look like messages=6000 or messages=none")]
pub struct AllowanceError(String);

impl Allowance {
    /// What one user may do. People don't come near; a client gone wild does.
    pub const OF_USER: Self = Self::new([6_000, 3_000, 600, 600, 3_000, 3_000], 64);

    /// What may come from one address, behind which there may be a whole office, or the subscribers of a provider.
    pub const OF_ADDRESS: Self = Self::new([60_000, 30_000, 6_000, 6_000, 30_000, 30_000], 4_096);

    /// Everything.
    pub const UNLIMITED: Self = Self { rates: [None; Activity::ALL.len()], open: None };

    const fn new(counts: [u32; Activity::ALL.len()], open: u32) -> Self {
        let [messages, joins, negotiations, connections, reads, posts] = counts;
        let rates = [rate(messages), rate(joins), rate(negotiations), rate(connections), rate(reads), rate(posts)];
        Self { rates, open: NonZeroU32::new(open) }
    }

    /// The same with what a setting says in its place: `messages=6000, joins=none, open=64`.
    ///
    /// # Errors
    /// Names what is no limit.
    pub fn with(mut self, setting: &str) -> Result<Self, AllowanceError> {
        for part in setting.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let error = || AllowanceError(part.to_owned());
            let (name, count) = part.split_once('=').ok_or_else(error)?;
            let count: Option<NonZeroU32> = match count.trim() {
                "none" => None,
                count => Some(count.parse().map_err(|_| error())?),
            };
            let name = name.trim();
            if name == "open" {
                self.open = count;
                continue;
            }
            let activity = Activity::named(name).ok_or_else(error)?;
            if let Some(place) = self.rates.get_mut(activity.index()) {
                *place = count.map(Rate);
            }
        }
        Ok(self)
    }

    /// How often something may be done.
    #[must_use]
    pub fn rate(&self, activity: Activity) -> Option<Rate> {
        self.rates.get(activity.index()).copied().flatten()
    }
}

const fn rate(count: u32) -> Option<Rate> {
    match NonZeroU32::new(count) {
        Some(count) => Some(Rate(count)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_minute(count: u32) -> Rate {
        Rate(NonZeroU32::new(count).unwrap())
    }

    #[test]
    fn a_bucket_gives_a_minutes_worth_at_once_and_then_as_it_fills() {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let rate = a_minute(60);
        for _ in 0..60 {
            assert_eq!(bucket.take(rate, start), Ok(()));
        }
        assert_eq!(bucket.take(rate, start), Err(Duration::from_secs(1)));
        assert_eq!(bucket.take(rate, start + Duration::from_millis(999)), Err(Duration::from_millis(1)));
        assert_eq!(bucket.take(rate, start + Duration::from_secs(1)), Ok(()));
        assert_eq!(bucket.take(rate, start + Duration::from_secs(1)), Err(Duration::from_secs(1)));
        assert_eq!(bucket.lacks(start + Duration::from_secs(31)), Duration::from_secs(30));
        assert_eq!(bucket.lacks(start + Duration::from_secs(90)), Duration::ZERO);
    }

    #[test]
    fn what_others_take_is_missing_here() {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        bucket.lack(Duration::from_secs(59), start);
        bucket.lack(Duration::from_secs(1), start);
        assert_eq!(bucket.take(a_minute(60), start), Ok(()));
        assert_eq!(bucket.take(a_minute(60), start), Err(Duration::from_secs(1)));
    }

    #[test]
    fn a_setting_replaces_what_it_names() {
        let allowance = Allowance::OF_USER.with(" messages=10,joins=none, open = 3,").unwrap();
        assert_eq!(allowance.rate(Activity::Messages), Some(a_minute(10)));
        assert_eq!(allowance.rate(Activity::Joins), None);
        assert_eq!(allowance.rate(Activity::Posts), Allowance::OF_USER.rate(Activity::Posts));
        assert_eq!(allowance.open, NonZeroU32::new(3));
        assert_eq!(Allowance::OF_USER.with("").unwrap(), Allowance::OF_USER);
        for bad in
            ["messages", "messages=", "messages=0", "messages=-1", "messages=1.5", "typing=1", "messages=1;joins=2"]
        {
            assert_eq!(Allowance::OF_USER.with(bad), Err(AllowanceError(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn activities_have_their_place() {
        for (index, activity) in Activity::ALL.into_iter().enumerate() {
            assert_eq!(activity.index(), index);
            assert_eq!(Activity::named(activity.as_str()), Some(activity));
            assert!(
                Allowance::OF_USER.rate(activity).unwrap().count()
                    < Allowance::OF_ADDRESS.rate(activity).unwrap().count()
            );
        }
    }

    #[test]
    fn a_refusal_says_how_long_to_wait() {
        let refusal = a_minute(60).refusal(Activity::Joins, Whose::User, Duration::from_millis(1_001));
        assert_eq!(refusal.retry_after, Some(2));
        assert_eq!(refusal.to_string(), "rate_limited: more than 60 joins a minute of one user; try again in 2 s");
    }

    proptest! {
        /// Whenever it is asked: never more than what it held and what it has got since.
        #[test]
        fn never_more_than_its_rate(count in 1..10_000u32, pauses in prop::collection::vec(0..2_000u64, 1..500)) {
            let (rate, start) = (a_minute(count), Instant::now());
            let (mut bucket, mut now, mut given) = (Bucket::default(), start, 0u32);
            for pause in pauses {
                now += Duration::from_millis(pause);
                given += u32::from(bucket.take(rate, now).is_ok());
                let allowed = f64::from(count) * (1.0 + now.duration_since(start).as_secs_f64() / 60.0);
                prop_assert!(f64::from(given) <= allowed + 1.0);
            }
        }
    }
}
