//! Limits that all nodes share: what was taken here, and what is left of it anywhere.

use serde::{Deserialize, Serialize};

/// `POST /internal/limits`: what users and addresses have taken on a node since it said so last.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsRequest {
    /// One for each subject and activity.
    pub taken: Vec<Taken>,
}

impl LimitsRequest {
    /// The most of them in one request.
    pub const MOST: usize = 256;
}

/// What one subject has taken of one limit.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// Who: `user carla`, `address 192.0.2.1`.
    pub subject: String,
    /// Of which limit, by the name of its activity.
    pub activity: String,
    /// How many.
    pub count: u32,
    /// How many a minute there are.
    pub a_minute: u32,
}

/// The answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsAnswer {
    /// In how many microseconds each of them is whole again, in the order of the request. Empty when nobody knows: then each
    /// node counts alone.
    pub lacks: Vec<u64>,
}
