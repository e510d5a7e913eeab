//! How much a user may do over HTTP: counted by each instance at once, and by all of them together in Redis, which nobody
//! waits for.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    time::{Duration, Instant},
};

use chat::{Activity, Allowance, Bucket, Rate, Refusal, UserId, Whose, wire::Taken};
use futures_util::future::join_all;
use spin_sdk::redis::{Error, RedisParameter, RedisResult};

use crate::{Instance, backplane::Backplane, misconfigured::misconfigured};

/// Takes from a bucket that all nodes share, and answers in how many microseconds it is whole again. Redis's clock counts, and
/// what nobody asks for is gone when it is whole. A bucket is overdrawn by a minute at most: what was taken before somebody
/// knew is paid for, but not for ever. What is no number there is nothing, and gives way.
const TAKE: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.pcall('GET', KEYS[1])
local full = type(kept) == 'string' and tonumber(kept) or 0
if not (full > now) then full = now end
full = math.min(full + ARGV[1] * ARGV[2], now + 120000000)
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
return math.ceil(full - now)";

/// A user who has not taken so much lately that it takes so long to grow again is not worth asking about, once it is known
/// what others have.
const NOTABLE: Duration = Duration::from_secs(8);

/// How long an instance goes by what it has heard.
const FRESH: Duration = Duration::from_secs(1);

/// How many users an instance counts. Beyond that it forgets those of whom nothing is missing, and then anybody.
const USERS: usize = 4_096;

thread_local! {
    // Beside [`Instance`] and not in it: so a function that limits nobody is no function that imports Redis.
    static TALLIES: Rc<Tallies> = Rc::default();
}

/// What users have taken, as this instance knows it.
#[derive(Default)]
struct Tallies(RefCell<HashMap<(Activity, UserId), Tally>>);

#[derive(Clone, Copy, Default)]
struct Tally {
    bucket: Bucket,
    /// How many of it nobody else knows of.
    unshared: u32,
    /// When others were asked last.
    asked: Option<Instant>,
}

impl Tallies {
    /// Takes one. How many to tell others of, if that is worth it now.
    fn take(&self, activity: Activity, user: &UserId, rate: Rate, now: Instant) -> Result<Option<u32>, Duration> {
        let mut tallies = self.0.borrow_mut();
        if tallies.len() >= USERS {
            tallies.retain(|_, tally| !tally.bucket.lacks(now).is_zero());
            if tallies.len() >= USERS {
                tallies.clear();
            }
        }
        let tally = tallies.entry((activity, user.clone())).or_default();
        tally.bucket.take(rate, now)?;
        tally.unshared += 1;
        let fresh = tally.asked.is_some_and(|asked| now.duration_since(asked) < FRESH);
        if fresh && tally.bucket.lacks(now) < NOTABLE {
            return Ok(None);
        }
        tally.asked = Some(now);
        Ok(Some(std::mem::take(&mut tally.unshared)))
    }

    /// What others know of it.
    fn learn(&self, activity: Activity, user: &UserId, lacks: Duration, now: Instant) {
        if let Some(tally) = self.0.borrow_mut().get_mut(&(activity, user.clone())) {
            tally.bucket.lack(lacks, now);
        }
    }
}

impl Instance {
    /// Lets a user do something once more.
    ///
    /// # Errors
    /// Returns [`ErrorCode::RateLimited`](chat::ErrorCode::RateLimited), and when to come again, for who has done it too often.
    pub fn admit(&self, user: &UserId, activity: Activity) -> Result<(), Refusal> {
        let setting = self.config.user_limits.as_deref().unwrap_or_default();
        let allowance = Allowance::OF_USER.with(setting).map_err(|error| misconfigured(&error))?;
        let Some(rate) = allowance.rate(activity) else { return Ok(()) };
        let tallies = TALLIES.with(Rc::clone);
        let taken = tallies.take(activity, user, rate, Instant::now());
        let Some(count) = taken.map_err(|wait| rate.refusal(activity, Whose::User, wait))? else { return Ok(()) };
        let Some(url) = self.config.redis_url.clone() else { return Ok(()) };
        let user = user.clone();
        let taken = Taken {
            subject: Whose::User.subject(&user),
            activity: activity.as_str().to_owned(),
            count,
            a_minute: rate.count(),
        };
        spin_sdk::wit_bindgen::spawn(async move {
            if let Some(lacks) = share(&url, &[taken]).await.first() {
                tallies.learn(activity, &user, Duration::from_micros(*lacks), Instant::now());
            }
        });
        Ok(())
    }

    /// Tells Redis what was taken. In how many microseconds each is whole again; nothing when Redis can't say.
    pub async fn share_limits(&self, taken: &[Taken]) -> Vec<u64> {
        match &self.config.redis_url {
            Some(url) => share(url, taken).await,
            None => Vec::new(),
        }
    }
}

async fn share(url: &str, taken: &[Taken]) -> Vec<u64> {
    let takes = async |connection: Rc<spin_sdk::redis::Connection>| {
        let take = |taken: &Taken| {
            let connection = Rc::clone(&connection);
            let arguments = arguments(taken);
            async move { connection.execute("EVAL", arguments).await.and_then(|answer| lacks(&answer)) }
        };
        join_all(taken.iter().map(take)).await.into_iter().collect::<Result<Vec<u64>, Error>>()
    };
    Backplane::get().ask(url, takes).await.unwrap_or_default()
}

fn arguments(taken: &Taken) -> Vec<RedisParameter> {
    let Taken { subject, activity, count, a_minute } = taken;
    let text = |text: &str| RedisParameter::Binary(text.as_bytes().to_vec());
    let cost = 60_000_000 / i64::from((*a_minute).max(1));
    let key = format!("hubline.limit {activity} {subject}");
    vec![
        text(TAKE),
        RedisParameter::Int64(1),
        text(&key),
        RedisParameter::Int64((*count).into()),
        RedisParameter::Int64(cost),
    ]
}

fn lacks(answer: &[RedisResult]) -> Result<u64, Error> {
    match answer {
        [RedisResult::Int64(micros)] => Ok(u64::try_from(*micros).unwrap_or_default()),
        _ => Err(Error::TypeError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_told_at_first_and_then_of_what_is_notable() {
        let start = Instant::now();
        let [carla, theo]: [UserId; 2] = ["carla", "theo"].map(|name| name.parse().unwrap());
        let tallies = Tallies::default();
        let rate = Allowance::UNLIMITED.with("posts=60").unwrap().rate(Activity::Posts).unwrap();
        let take = |user, after| tallies.take(Activity::Posts, user, rate, start + Duration::from_millis(after));
        assert_eq!(take(&carla, 0), Ok(Some(1)), "nothing is known");
        assert_eq!(take(&carla, 10), Ok(None));
        assert_eq!(take(&carla, 999), Ok(None));
        assert_eq!(take(&theo, 999), Ok(Some(1)));
        assert_eq!(take(&carla, 1_000), Ok(Some(3)), "it is no longer known");
        for _ in 0..6 {
            take(&carla, 1_000).unwrap();
        }
        assert_eq!(take(&carla, 1_000), Ok(Some(1)), "so many are notable");
        tallies.learn(Activity::Posts, &carla, Duration::from_secs(60), start + Duration::from_secs(1));
        assert_eq!(take(&carla, 1_000), Err(Duration::from_secs(1)), "others have taken the rest");
        assert_eq!(tallies.take(Activity::Reads, &carla, rate, start), Ok(Some(1)));
    }

    #[test]
    fn it_counts_only_so_many_users() {
        let tallies = Tallies::default();
        let rate = Allowance::OF_USER.rate(Activity::Posts).unwrap();
        for number in 0..10_000 {
            let user = format!("user {number}").parse().unwrap();
            tallies.take(Activity::Posts, &user, rate, Instant::now()).unwrap();
        }
        assert!(tallies.0.borrow().len() <= USERS);
    }

    #[test]
    fn what_is_asked_of_redis_names_the_bucket_and_its_price() {
        let taken = Taken { subject: "user c".into(), activity: "posts".into(), count: 3, a_minute: 600 };
        let arguments = arguments(&taken);
        assert!(matches!(&arguments[2], RedisParameter::Binary(key) if key == b"hubline.limit posts user c"));
        assert!(matches!(arguments[3..], [RedisParameter::Int64(3), RedisParameter::Int64(100_000)]));
        assert!(matches!(lacks(&[RedisResult::Int64(5)]), Ok(5)));
        assert!(lacks(&[RedisResult::Nil]).is_err());
    }
}
