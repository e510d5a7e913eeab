//! The schema, as numbered steps forward.

/// A step forward of the schema. There are no steps back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Migration {
    /// Its number: steps are applied in this order, each once, each in a transaction of its own.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $file:literal, $name:literal) => {
        migration!($version, "", $file, $name)
    };
    ($version:literal, $folder:literal, $file:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $folder, $file, "_", $name, ".sql")),
        }
    };
}

/// Every step, in order. A step that was applied somewhere is never edited: the ledger keeps its checksum.
pub const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001", "roles"),
    migration!(2, "0002", "conversations"),
    migration!(3, "0003", "nodes"),
    migration!(4, "0004", "send"),
    migration!(5, "0005", "follow"),
    migration!(6, "0006", "report"),
    migration!(7, "0007", "purge"),
    migration!(8, "0008", "send_one"),
    migration!(9, "0009", "send_new"),
    migration!(10, "0010", "last_numbers"),
    migration!(11, "0011", "presence"),
    migration!(12, "0012", "retention"),
    migration!(13, "0013", "report"),
    migration!(14, "0014", "timeouts"),
    migration!(15, "0015", "issuer_keys"),
    migration!(17, "0017", "outcome_for_former_senders"),
    migration!(18, "0018", "vouching_key"),
    migration!(19, "0019", "join_page_bytes"),
];

/// The same for the database of operations, which is another one.
pub const OPERATIONS_MIGRATIONS: &[Migration] = &[
    migration!(1, "operations/", "0001", "roles"),
    migration!(2, "operations/", "0002", "cases"),
    migration!(3, "operations/", "0003", "audit"),
    migration!(4, "operations/", "0004", "snapshot"),
    migration!(5, "operations/", "0005", "commit"),
    migration!(6, "operations/", "0006", "reading"),
    migration!(7, "operations/", "0007", "principals"),
    migration!(8, "operations/", "0008", "turns"),
    migration!(9, "operations/", "0009", "figures"),
    migration!(10, "operations/", "0010", "issuer_keys"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names_every_file_in_order(folder: &str, steps: &[Migration]) {
        let folder = format!("{}/../../migrations{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        let named: Vec<String> = steps.iter().map(|step| format!("{:04}_{}.sql", step.version, step.name)).collect();
        assert_eq!(files, named);
        assert!(steps.is_sorted_by(|one, other| one.version < other.version));
    }

    #[test]
    fn the_steps_are_in_order_and_name_every_file() {
        names_every_file_in_order("", MIGRATIONS);
        names_every_file_in_order("/operations", OPERATIONS_MIGRATIONS);
    }
}
