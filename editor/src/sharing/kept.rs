//! What of shared workspaces stands in the log: where they lie, and their batches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernel::keys::Opener;
use kernel::log::{Entry, Kind, LogError, LogReader, RecordHeader, StreamId};
use serde::{Deserialize, Serialize};
use sync::WorkspaceId;
use sync::batch::Batch;

use crate::registry::{path_from_json, path_to_json};

/// A batch of the workspace that the stream is named after.
const BATCH: Kind = Kind(0x5301);
/// Where the workspace lies on this device: [`Place`].
const PLACE: Kind = Kind(0x5302);

/// Whether a record is one of these.
pub fn is_own(header: &RecordHeader) -> bool {
    matches!(header.kind, BATCH | PLACE)
}

#[derive(Serialize, Deserialize)]
struct Place {
    path: serde_json::Value,
}

fn stream(workspace: WorkspaceId) -> StreamId {
    StreamId(u128::from_be_bytes(workspace.0))
}

/// A batch as a record.
pub fn batch(workspace: WorkspaceId, batch: &Batch) -> Entry {
    Entry { stream: stream(workspace), kind: BATCH, payload: batch.bytes().to_vec() }
}

/// Where a workspace lies, as a record.
pub fn place(workspace: WorkspaceId, root: &Path) -> Entry {
    let place = Place { path: path_to_json(root) };
    let payload = serde_json::to_vec(&place).expect("plain fields are always JSON");
    Entry { stream: stream(workspace), kind: PLACE, payload }
}

/// A workspace as the log has it.
#[derive(Default)]
pub struct Found {
    pub root: Option<PathBuf>,
    pub batches: Vec<Batch>,
}

/// Reads all workspaces, and how many records could not be read.
pub fn read(
    reader: &LogReader,
    opener: &Opener,
) -> Result<(BTreeMap<WorkspaceId, Found>, usize), LogError> {
    let mut found: BTreeMap<WorkspaceId, Found> = BTreeMap::new();
    let mut damaged = 0;
    reader.replay(opener, is_own, |record| {
        let workspace = WorkspaceId(record.header.stream.0.to_be_bytes());
        let here = found.entry(workspace).or_default();
        if record.header.kind == BATCH {
            match Batch::decode(&record.payload) {
                Some(batch) => here.batches.push(batch),
                None => damaged += 1,
            }
        } else {
            let place = serde_json::from_slice::<Place>(&record.payload).ok();
            match place.and_then(|place| path_from_json(&place.path)) {
                Some(root) => here.root = Some(root),
                None => damaged += 1,
            }
        }
    })?;
    Ok((found, damaged))
}
