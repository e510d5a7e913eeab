//! The statements. Each file is prepared by a test against a real database.
//!
//! Parameters and results keep to types that `spin:postgres` has in arrays as in scalars: text, int4, int8. Times are
//! int8, in microseconds since 1970; uuids travel as text. A statement with many results answers with one row of
//! arrays, which costs the host and the guest far less than many rows.

/// Stores a batch of messages: one row, with an outcome per item.
///
/// Parameters: service request ids (`text[]`); senders, and again as customers, as technicians, as service centres
/// (`text[]`, null where the token does not say so); by item the places of its service request and of its sender in
/// those (`int4[]`, from 1), message ids to use, client message ids, bodies (`text[]`); how long to wait for a conversation
/// that another transaction holds, in milliseconds (int8). Null: for as long as the role may; 0: not at all, and the
/// statement goes on without it, while any other patience that ends is SQLSTATE 55P03.
pub const SEND: &str = include_str!("../sql/send.sql");

/// Stores one message that is new, at less cost: one row, of nulls when that is not what it is, or another transaction holds
/// the conversation. A message that came before
/// is refused for its unique key (SQLSTATE 23505); [`SEND`] knows all of these.
///
/// Parameters: service request id; sender, and again as customer, as technician, as service centre (null where the token
/// does not say so); message id to use, client message id, body.
pub const SEND_NEW: &str = include_str!("../sql/send_new.sql");

/// Registers a user of a node, and reads what a joining client needs: one row, or none for a stranger.
///
/// Parameters: service request id, node, incarnation, user, the user as customer, as technician, as service centre,
/// the client's last number (int8), its epoch, the most messages (int8).
pub const JOIN: &str = include_str!("../sql/join.sql");

/// Takes back registrations of a node: one row with the nodes that are to ask who is there now.
///
/// Parameters: node, incarnation, service request ids (`text[]`), users (`text[]`).
pub const LEAVE: &str = include_str!("../sql/leave.sql");

/// Compares what a node knows with what is, and counts the node as alive: one row with what differs.
///
/// Parameters: node, incarnation; service request ids (`text[]`), versions (`int8[]`), attendances (`int4[]`); the service
/// requests, users and roles of followers to register (`text[]`); the key after which to list registrations, and how many
/// (int8, null for none).
pub const SWEEP: &str = include_str!("../sql/sweep.sql");

/// Creates or replaces a service request, unless a later report is stored or it is not what was expected: one row.
///
/// Parameters: id, customer, technician, service centre, status, when it was closed (int8), revision (int8), what is
/// expected to be there (`text[]` of `epoch.reports` or `*`), whether nothing is (boolean).
pub const PUT_SERVICE_REQUEST: &str = include_str!("../sql/put_service_request.sql");

/// Reads a service request: one row, or none for a stranger.
///
/// Parameters: id, whether the caller may read all (boolean), the caller as customer, as technician, as service centre.
pub const SERVICE_REQUEST: &str = include_str!("../sql/service_request.sql");

/// Reads a page forwards: one row, or none for a stranger.
///
/// Parameters: those of [`SERVICE_REQUEST`], the number to start after (int8), the number to stop before (int8), the
/// most messages (int8).
pub const HISTORY_AFTER: &str = include_str!("../sql/history_after.sql");

/// Reads a page backwards, and answers it forwards: one row, or none for a stranger.
///
/// Parameters: those of [`SERVICE_REQUEST`], the number to stop before (int8), the most messages (int8).
pub const HISTORY_BEFORE: &str = include_str!("../sql/history_before.sql");

/// Deletes one batch of what is due: one row with how much that was.
///
/// Parameters: the most messages, the most service requests (int8).
pub const PURGE: &str = include_str!("../sql/purge.sql");

/// How retention stands, and what it has done: one row.
pub const RETENTION: &str = include_str!("../sql/retention.sql");

/// What an issuer of tokens has published, and who may ask it: one row, a text of JSON. Said once more, it does nothing more.
///
/// Parameters: the address of its key set; the number of the last ask (int8), null to read only; whether that ask is over
/// (boolean), or another begins; its key set, null for none.
pub const ISSUER_KEYS: &str = include_str!("../sql/issuer_keys.sql");

/// Reads which role is in force: one row of it, of the login behind it, and of whether it is the one that is meant.
///
/// Parameter: the role that is meant.
pub const ROLE_IN_FORCE: &str = include_str!("../sql/role_in_force.sql");

/// Gives the database's history another name, after it was restored to an earlier time: one row, the new name.
///
/// For the owner only.
pub const RENEW_EPOCH: &str = include_str!("../sql/renew_epoch.sql");

/// Makes the table of applied migrations when there is none. The schema `hubline` comes with it.
///
/// For the owner only, as are the three that follow.
pub const MIGRATION_TABLE: &str = include_str!("../sql/migration_table.sql");

/// Lets one session at a time migrate.
pub const LOCK_MIGRATIONS: &str = include_str!("../sql/lock_migrations.sql");

/// Reads which migrations were applied: rows of version (int8), name, checksum (bytea).
pub const MIGRATIONS_APPLIED: &str = include_str!("../sql/migrations_applied.sql");

/// Notes that a migration was applied.
///
/// Parameters: version (int8), name, checksum (bytea).
pub const RECORD_MIGRATION: &str = include_str!("../sql/record_migration.sql");

/// Every statement on the schema by the name of its file.
pub const ALL: [(&str, &str); 14] = [
    ("send", SEND),
    ("send_new", SEND_NEW),
    ("join", JOIN),
    ("leave", LEAVE),
    ("sweep", SWEEP),
    ("put_service_request", PUT_SERVICE_REQUEST),
    ("service_request", SERVICE_REQUEST),
    ("history_after", HISTORY_AFTER),
    ("history_before", HISTORY_BEFORE),
    ("purge", PURGE),
    ("retention", RETENTION),
    ("issuer_keys", ISSUER_KEYS),
    ("role_in_force", ROLE_IN_FORCE),
    ("renew_epoch", RENEW_EPOCH),
];
