//! Which tag an application is rolled back to.

use std::{collections::BTreeSet, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Digest, TagName,
    schema::{SchemaFit, SchemaRange},
    step::{Failure, FailureCode},
};

/// The version that a stable tag names: `v1.4.2-stable` and nothing else.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StableVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

/// A tag that is not marked stable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a stable tag is like v1.4.2-stable")]
pub struct NotStable;

impl FromStr for StableVersion {
    type Err = NotStable;

    fn from_str(tag: &str) -> Result<Self, NotStable> {
        let version = tag.strip_prefix('v').and_then(|rest| rest.strip_suffix("-stable")).ok_or(NotStable)?;
        let mut numbers = version.split('.').map(|number| {
            // Parsing alone would let a sign through.
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse::<u32>().ok().filter(|_| digits).ok_or(NotStable)
        });
        let mut next = || numbers.next().ok_or(NotStable)?;
        let version = Self { major: next()?, minor: next()?, patch: next()? };
        if numbers.next().is_some() { Err(NotStable) } else { Ok(version) }
    }
}

/// A tag as the registry lists it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Its name.
    pub name: TagName,
    /// What it points to now.
    pub digest: Digest,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The versions of the schema that the image states it runs on, if it states any.
    pub schema: Option<SchemaRange>,
}

/// What is known about an application whose tag is chosen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Surroundings {
    /// The digest that runs.
    pub running: Digest,
    /// Digests that are known to be bad.
    pub quarantined: BTreeSet<Digest>,
    /// The version of the schema that the database has.
    pub schema: u32,
}

/// A tag to go back to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The tag, whose digest is what will run.
    pub tag: Tag,
    /// Whether somebody must confirm that it runs on the schema, because the image does not state it.
    pub schema_unstated: bool,
}

/// Proposes the newest stable tag that is older than what runs and fit to run.
///
/// Older means made earlier than the oldest tag of the running digest; a version number says nothing about time, since a
/// fix of an old line may come after a new line's release.
///
/// # Errors
/// [`FailureCode::NoStableTag`] when there is none, or when no tag of the running digest is listed, so that older can't be
/// told.
pub fn propose(tags: &[Tag], around: &Surroundings) -> Result<Choice, Failure> {
    let none = |detail: &str| Failure::new(FailureCode::NoStableTag, detail);
    let running_since = tags
        .iter()
        .filter(|tag| tag.digest == around.running)
        .map(|tag| tag.created_at)
        .min()
        .ok_or_else(|| none("no tag of the running image is listed, so older can't be told"))?;
    tags.iter()
        .filter_map(|tag| Some((tag.created_at, tag.name.as_str().parse::<StableVersion>().ok()?, tag)))
        .filter(|(created_at, _, tag)| *created_at < running_since && unfitness(tag, around).is_none())
        .max_by_key(|(created_at, version, _)| (*created_at, *version))
        .map(|(_, _, tag)| chosen(tag, around))
        .ok_or_else(|| none("no stable tag is older than the running image and fit to run"))
}

/// Takes the tag that an operator named. It need not be marked stable, nor be older: the operator and the approvers see
/// what it is.
///
/// # Errors
/// [`FailureCode::TagUnfit`] when the tag is not listed, or is what runs already, or is known to be bad, or does not run on
/// the schema.
pub fn take(tags: &[Tag], name: &TagName, around: &Surroundings) -> Result<Choice, Failure> {
    let unfit = |detail: &str| Failure::new(FailureCode::TagUnfit, detail);
    let tag = tags.iter().find(|tag| tag.name == *name).ok_or_else(|| unfit("no such tag is listed"))?;
    unfitness(tag, around).map_or_else(|| Ok(chosen(tag, around)), |why| Err(unfit(why)))
}

fn unfitness(tag: &Tag, around: &Surroundings) -> Option<&'static str> {
    if tag.digest == around.running {
        Some("the tag points to what runs already")
    } else if around.quarantined.contains(&tag.digest) {
        Some("the image is known to be bad")
    } else if SchemaFit::of(tag.schema, around.schema) == SchemaFit::Unfit {
        Some("the image does not run on the schema that the database has")
    } else {
        None
    }
}

fn chosen(tag: &Tag, around: &Surroundings) -> Choice {
    let schema_unstated = SchemaFit::of(tag.schema, around.schema) == SchemaFit::Unstated;
    Choice { tag: tag.clone(), schema_unstated }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// A tag that points to the image of this letter, made on this day.
    fn tag(name: &str, image: &str, day: u32) -> Tag {
        Tag {
            name: name.parse().unwrap(),
            digest: digest(image),
            created_at: format!("2024-05-{day:02}T00:00:00Z").parse().unwrap(),
            schema: Some("1-9".parse().unwrap()),
        }
    }

    fn around(running: &str) -> Surroundings {
        Surroundings { running: digest(running), quarantined: BTreeSet::new(), schema: 5 }
    }

    fn proposed(tags: &[Tag], around: &Surroundings) -> Result<String, FailureCode> {
        propose(tags, around).map(|choice| choice.tag.name.to_string()).map_err(|failure| failure.code)
    }

    #[test]
    fn only_the_exact_form_is_stable() {
        for good in ["v0.0.0-stable", "v1.4.2-stable", "v10.20.30-stable"] {
            assert!(good.parse::<StableVersion>().is_ok(), "{good}");
        }
        for bad in [
            "1.4.2-stable",
            "v1.4-stable",
            "v1.4.2.1-stable",
            "v1.4.2",
            "v1.4.2-stable1",
            "v1.4.x-stable",
            "v1..2-stable",
            "v+1.4.2-stable",
            "V1.4.2-stable",
            "v1.4.2-rc1-stable",
            "v99999999999.0.0-stable",
        ] {
            assert_eq!(bad.parse::<StableVersion>(), Err(NotStable), "{bad}");
        }
        assert!("v1.10.0-stable".parse::<StableVersion>().unwrap() > "v1.9.0-stable".parse().unwrap());
    }

    #[test]
    fn the_newest_stable_one_older_than_what_runs() {
        let tags = [
            tag("v1.3.0-stable", "d", 6),
            tag("v1.2.0", "c", 5),
            tag("v1.2.0-rc1", "x", 4),
            tag("v1.1.0-stable", "b", 3),
            tag("v1.0.0-stable", "a", 2),
        ];
        assert_eq!(proposed(&tags, &around("c")), Ok("v1.1.0-stable".to_owned()));
        assert_eq!(proposed(&tags, &around("d")), Ok("v1.1.0-stable".to_owned()));
        assert_eq!(proposed(&tags, &around("a")), Err(FailureCode::NoStableTag));
    }

    #[test]
    fn a_later_tag_of_the_running_image_does_not_make_it_younger() {
        let tags =
            [tag("latest", "b", 9), tag("v1.1.0-stable", "c", 5), tag("v1.0.1", "b", 4), tag("v1.0.0-stable", "a", 2)];
        assert_eq!(proposed(&tags, &around("b")), Ok("v1.0.0-stable".to_owned()));
    }

    #[test]
    fn what_runs_is_bad_or_does_not_fit_the_schema_is_passed_over() {
        let mut tags = [
            tag("v1.4.0", "e", 7),
            tag("v1.3.0-stable", "d", 6),
            tag("v1.2.0-stable", "c", 5),
            tag("v1.1.0-stable", "b", 4),
            tag("v1.0.9-stable", "e", 3),
            tag("v1.0.0-stable", "a", 2),
        ];
        tags[2].schema = Some("6-9".parse().unwrap());
        let mut around = around("e");
        // The running image once had a stable tag too, so everything after that is younger.
        assert_eq!(proposed(&tags, &around), Ok("v1.0.0-stable".to_owned()));
        tags[4].digest = digest("f");
        around.quarantined.insert(digest("d"));
        assert_eq!(proposed(&tags, &around), Ok("v1.1.0-stable".to_owned()));
    }

    #[test]
    fn an_image_without_a_label_asks_for_a_confirmation() {
        let mut tags = [tag("v2.0.0", "b", 3), tag("v1.0.0-stable", "a", 2)];
        assert!(!propose(&tags, &around("b")).unwrap().schema_unstated);
        tags[1].schema = None;
        assert!(propose(&tags, &around("b")).unwrap().schema_unstated);
    }

    #[test]
    fn without_a_tag_of_what_runs_older_cannot_be_told() {
        let failure = propose(&[tag("v1.0.0-stable", "a", 2)], &around("z")).unwrap_err();
        assert_eq!(failure.code, FailureCode::NoStableTag);
        assert!(failure.detail.contains("no tag of the running image"), "{}", failure.detail);
    }

    #[test]
    fn a_named_tag_is_taken_when_it_is_fit() {
        let tags = [tag("hotfix-1", "c", 5), tag("v1.0.0", "b", 3)];
        let take = |name: &str, around: &Surroundings| {
            take(&tags, &name.parse().unwrap(), around).map(|choice| choice.tag.digest).map_err(|failure| failure.code)
        };
        assert_eq!(take("hotfix-1", &around("b")), Ok(digest("c")));
        assert_eq!(take("v1.0.0", &around("b")), Err(FailureCode::TagUnfit));
        assert_eq!(take("v0.9.0", &around("b")), Err(FailureCode::TagUnfit));
    }
}
