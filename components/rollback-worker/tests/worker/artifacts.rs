//! What workflow runs leave: archives with a plan, or with what a verification has found.

use chrono::{DateTime, TimeDelta, Utc};
use rollback::Digest;
use serde_json::json;

use crate::world::{State, WorkflowRun};

/// The bytes of a saved plan; which, does not matter to anybody but its digest.
const TFPLAN: &[u8] = b"the saved plan";

/// The artifact that a workflow run leaves.
pub fn archive(state: &State, run: &WorkflowRun) -> Vec<u8> {
    if run.workflow.starts_with("verify") {
        let point: DateTime<Utc> = run.inputs["pointInTime"].parse().unwrap();
        let verification = json!({
            "heartbeat": point - TimeDelta::seconds(5), "sourceHeartbeat": point + TimeDelta::seconds(60),
            "schemaVersion": 5, "sourceSchemaVersion": 5,
            "rowCounts": {"orders": {"source": 10, "restored": 9}}, "differences": [],
        });
        return zip(&[("verification.json", verification.to_string().as_bytes())]);
    }
    let change = |actions: &[&str]| {
        json!({
            "address": "terraform_data.release", "type": "terraform_data", "name": "release", "mode": "managed",
            "provider_name": "terraform.io/builtin/terraform",
            "change": {"actions": actions, "before": {"input": "2"}, "after": {"input": "1"}, "after_unknown": {}, "before_sensitive": {}, "after_sensitive": {}},
        })
    };
    let changes = if state.applied { vec![change(&["no-op"])] } else { vec![change(&["update"])] };
    let plan = json!({
        "format_version": "1.2", "terraform_version": "1.15.5", "applyable": !state.applied, "complete": true,
        "errored": false, "resource_changes": changes, "resource_drift": [], "output_changes": {},
    });
    let metadata = json!({
        "commit": run.inputs["commit"], "terraformVersion": "1.15.5",
        "lockSha256": Digest::of(b"lock").hex(), "variablesSha256": Digest::of(b"variables").hex(),
        "tfplanSha256": Digest::of(TFPLAN).hex(),
    });
    zip(&[
        ("tfplan", TFPLAN),
        ("plan.json", plan.to_string().as_bytes()),
        ("metadata.json", metadata.to_string().as_bytes()),
    ])
}

/// A ZIP archive that compresses nothing.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let offset = u32::try_from(out.len()).unwrap();
        let size = u32::try_from(bytes.len()).unwrap();
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        common.extend(crc32(bytes).to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*bytes);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, count) = (u32::try_from(out.len()).unwrap(), u16::try_from(files.len()).unwrap());
    let size = u32::try_from(directory.len()).unwrap();
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}
