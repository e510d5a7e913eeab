//! `hubline token`: a token to try things out with.

use anyhow::{Context, Result, bail};
use chat::{CenterId, Role, UserId};
use chrono::TimeDelta;
use clap::Args;

use super::DataDir;
use crate::data::Data;
use crate::keys;
use crate::tokens::{Holder, sign};
use crate::variables::Variables;

/// Options of `hubline token`.
#[derive(Debug, Args)]
pub struct Token {
    /// The user.
    #[arg(long, value_name = "ID")]
    sub: UserId,
    /// What they are: customer, technician, service-center, platform, operator, approver, commander, auditor.
    #[arg(long)]
    role: Role,
    /// The service centre that they belong to.
    #[arg(long, value_name = "ID")]
    center: Option<CenterId>,
    /// How long it holds: a number and s, m, h or d.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    ttl: TimeDelta,
    #[command(flatten)]
    data: DataDir,
}

/// Prints a token signed with `SPIN_VARIABLE_JWT_SECRET`, or with the development key that `hubline up` makes.
///
/// # Errors
///
/// When there is no key to sign with.
pub fn run(options: Token) -> Result<()> {
    let mut variables = Variables::from_environment();
    if !variables.has_issuer() {
        variables.set("jwt_secret", keys::development_secret(&Data::open(&options.data.data_dir)?)?);
    }
    let holder = Holder { subject: options.sub, role: options.role, center: options.center };
    println!("{}", sign(&variables.identity(), holder, options.ttl)?);
    Ok(())
}

/// Reads a length of time such as `90s` or `1h`.
pub(super) fn duration(text: &str) -> Result<TimeDelta> {
    let unit = text.chars().next_back().context("a time is missing")?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => bail!("a time is a number and s, m, h or d, like 90s or 1h"),
    };
    let number: i64 = text.trim_end_matches(unit).parse().context("a time is a whole number and s, m, h or d")?;
    let time = number.checked_mul(seconds).and_then(TimeDelta::try_seconds);
    time.filter(|time| *time > TimeDelta::zero()).context("it must be some time, and not for ever")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("90s").unwrap(), TimeDelta::seconds(90));
        assert_eq!(duration("2h").unwrap(), TimeDelta::hours(2));
        assert_eq!(duration("1d").unwrap(), TimeDelta::days(1));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in ["", "h", "1", "1w", "-1h", "0s", "1.5h", "99999999999999999999d", "9223372036854775807d", "1ä"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
