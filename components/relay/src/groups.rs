//! Groups: the followers of each conversation on this node, and what each of them is sent. Unlike those of
//! `signalr_server`, a group delivers each message to each member once and in order. It asks no function: it queues frames for
//! its members, and returns as [`Aftermath`] what is left to do for others.

mod group;
mod map;
mod post;

pub(crate) use group::{Aftermath, Arrived, Doubt, Group, Joined, News, Standing, Wanted};
pub(crate) use map::Groups;
pub(crate) use post::{History, Post};
