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
    migration!(2, "0002", "timeouts"),
    migration!(3, "0003", "epoch"),
    migration!(4, "0004", "conversations"),
    migration!(5, "0005", "nodes"),
    migration!(6, "0006", "report"),
    migration!(7, "0007", "send"),
    migration!(8, "0008", "send_new"),
    migration!(9, "0009", "follow"),
    migration!(10, "0010", "sweep"),
    migration!(11, "0011", "retention"),
    migration!(12, "0012", "issuer_keys"),
];

/// The same for the database of operations, which is another one.
pub const OPERATIONS_MIGRATIONS: &[Migration] = &[
    migration!(1, "operations/", "0001", "roles"),
    migration!(2, "operations/", "0002", "cases"),
    migration!(3, "operations/", "0003", "snapshot"),
    migration!(4, "operations/", "0004", "jobs"),
    migration!(5, "operations/", "0005", "audit"),
    migration!(6, "operations/", "0006", "commit"),
    migration!(7, "operations/", "0007", "reading"),
    migration!(8, "operations/", "0008", "figures"),
    migration!(9, "operations/", "0009", "principals"),
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
