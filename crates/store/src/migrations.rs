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
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names_every_file_without_gaps(folder: &str, steps: &[Migration]) {
        let folder = format!("{}/../../migrations{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        let named: Vec<String> = steps.iter().map(|step| format!("{:04}_{}.sql", step.version, step.name)).collect();
        assert_eq!(files, named);
        assert!((1..).zip(steps).all(|(number, step)| number == step.version));
    }

    #[test]
    fn the_steps_are_numbered_without_gaps_and_name_every_file() {
        names_every_file_without_gaps("", MIGRATIONS);
        names_every_file_without_gaps("/operations", OPERATIONS_MIGRATIONS);
    }
}
