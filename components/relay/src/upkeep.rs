//! Upkeep: what keeps groups and registrations right, whatever was lost on the way. Its tasks ask the functions what has
//! changed, read missing messages from history, and take back registrations of users who have gone.

mod catch_up;
mod follow_up;
mod inquiries;
mod leave_queue;
mod leaving;
mod sweep;

pub(crate) use follow_up::Urgency;
pub(crate) use inquiries::Inquiries;
pub(crate) use leave_queue::LeaveQueue;
