//! Artifacts as objects, and which of them a drive relies on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::Digest;
use super::seam::{ArtifactError, Artifacts};
use crate::object::{ObjectError, ObjectId, ObjectStore, Root};

/// Who holds them in the object store.
const HOLDER: &str = "runs";

/// Releases in one batch.
const BATCH: usize = 1024;

/// Artifacts in an object store, each held by a root of its own, `runs/HASH`: what two runs gave is
/// kept once, and stays until [`Artifacts::release`]. Its space comes back with the next sweep.
#[derive(Clone)]
pub struct ObjectArtifacts(ObjectStore);

impl ObjectArtifacts {
    /// Artifacts in `store`.
    #[must_use]
    pub fn new(store: ObjectStore) -> Self {
        Self(store)
    }

    fn root(object: ObjectId) -> Root {
        Root::new(HOLDER, &object.to_string())
    }
}

impl Artifacts for ObjectArtifacts {
    fn put(&self, bytes: &[u8]) -> Result<Digest, ArtifactError> {
        let mut batch = self.0.batch();
        let object = batch.put(bytes)?;
        let root = Self::root(object);
        if self.0.held(&root) != Some(object) {
            batch.hold(&root, object)?;
        }
        // It waits as well for what another put has begun of the same bytes.
        batch.commit()?;
        Ok(Digest(object.0))
    }

    fn get(&self, name: Digest) -> Result<Vec<u8>, ArtifactError> {
        Ok(std::mem::take(&mut *self.0.get(ObjectId(name.0))?))
    }

    fn release(&self, names: &[Digest]) -> Result<(), ArtifactError> {
        for names in names.chunks(BATCH) {
            let mut batch = self.0.batch();
            for name in names {
                let root = Self::root(ObjectId(name.0));
                if self.0.held(&root).is_some() {
                    batch.release(&root)?;
                }
            }
            batch.commit()?;
        }
        Ok(())
    }
}

impl From<ObjectError> for ArtifactError {
    fn from(error: ObjectError) -> Self {
        Self(error.to_string())
    }
}

impl std::fmt::Debug for ObjectArtifacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ObjectArtifacts")
    }
}

/// What a drive relies on and no row may name yet.
pub(super) type Fresh = Mutex<HashSet<Digest>>;

/// The artifacts as one drive sees them: it notes what it puts, so that the removal of another run
/// leaves that alone.
pub(super) struct Noting {
    pub(super) artifacts: Arc<dyn Artifacts>,
    pub(super) fresh: Arc<Fresh>,
    /// Held for writing while it is found out what nobody needs.
    pub(super) releasing: Arc<RwLock<()>>,
}

impl Artifacts for Noting {
    fn put(&self, bytes: &[u8]) -> Result<Digest, ArtifactError> {
        let _shared = self.releasing.read().unwrap_or_else(PoisonError::into_inner);
        let digest = self.artifacts.put(bytes)?;
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        Ok(digest)
    }

    fn get(&self, name: Digest) -> Result<Vec<u8>, ArtifactError> {
        self.artifacts.get(name)
    }

    fn release(&self, names: &[Digest]) -> Result<(), ArtifactError> {
        self.artifacts.release(names)
    }
}
