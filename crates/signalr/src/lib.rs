//! The SignalR hub protocol, without I/O.
