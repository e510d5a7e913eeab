//! The statements of operations. Each file is prepared by a test against a real database.
//!
//! Each answers one row with one value: a text of JSON, unless it says otherwise. Ids travel as text.

/// What is the case. Parameters: incident, run, person, key; each may be null.
pub const SNAPSHOT: &str = include_str!("../../sql/operations/snapshot.sql");

/// Takes the next job that is due; null when none is. Parameters: for how many seconds (int8), of which kinds (`text[]`), null
/// for all.
pub const CLAIM: &str = include_str!("../../sql/operations/claim.sql");

/// Commits a decision. Parameter: its members, as `migrations/operations/0006_commit.sql` lists them.
pub const COMMIT: &str = include_str!("../../sql/operations/commit.sql");

/// What is known of alerts. Parameters: keys of events, fingerprints, environments of those (`text[]`).
pub const KNOWN_ALERTS: &str = include_str!("../../sql/operations/known_alerts.sql");

/// Takes in a delivery of GitHub; a boolean, whether it is new. Parameters: delivery, run or null.
pub const DELIVER: &str = include_str!("../../sql/operations/deliver.sql");

/// The incidents, the newest first. Parameters: states (`text[]`), environment, id to go on after, at most (int8); the first
/// three may be null.
pub const INCIDENTS: &str = include_str!("../../sql/operations/incidents.sql");

/// Everything about an incident; null when there is none such. Parameter: its id.
pub const INCIDENT_FILE: &str = include_str!("../../sql/operations/incident_file.sql");

/// Links of the audit log. Parameters: the number to start after, at most (int8).
pub const AUDIT_PAGE: &str = include_str!("../../sql/operations/audit_page.sql");

/// A piece of evidence; null when there is none such. Parameter: its digest.
pub const EVIDENCE_FILE: &str = include_str!("../../sql/operations/evidence_file.sql");

/// The alerts that have no incident, the latest first. Parameter: at most (int8).
pub const RECORDED_ALERTS: &str = include_str!("../../sql/operations/recorded_alerts.sql");

/// The drills.
pub const DRILLS: &str = include_str!("../../sql/operations/drills.sql");

/// What is counted and measured.
pub const FIGURES: &str = include_str!("../../sql/operations/figures.sql");

/// What an issuer of tokens has published, as [`crate::sql::ISSUER_KEYS`] has it in the database of the chat.
pub const ISSUER_KEYS: &str = include_str!("../../sql/operations/issuer_keys.sql");

/// The people who may be something.
pub const PRINCIPALS: &str = include_str!("../../sql/operations/principals.sql");

/// Says what a person may be; the number (int8) of its record. For the owner only.
///
/// Parameters: person, roles, scopes (`text[]`), whether it is withdrawn (boolean), the record's canonical text.
pub const PUT_PRINCIPAL: &str = include_str!("../../sql/operations/put_principal.sql");

/// Every statement by the name of its file.
pub const ALL: [(&str, &str); 15] = [
    ("snapshot", SNAPSHOT),
    ("claim", CLAIM),
    ("commit", COMMIT),
    ("known_alerts", KNOWN_ALERTS),
    ("deliver", DELIVER),
    ("incidents", INCIDENTS),
    ("incident_file", INCIDENT_FILE),
    ("audit_page", AUDIT_PAGE),
    ("evidence_file", EVIDENCE_FILE),
    ("recorded_alerts", RECORDED_ALERTS),
    ("drills", DRILLS),
    ("figures", FIGURES),
    ("issuer_keys", ISSUER_KEYS),
    ("principals", PRINCIPALS),
    ("put_principal", PUT_PRINCIPAL),
];
