//! What is asked of the device log: who may write, and with which keys.

use net::{DeviceId, EpochId, EpochKey, Group, Standing};

/// Who belongs, and the keys of the epochs.
pub trait Members {
    /// How a device stands. A frontier counts the batches of each [`crate::id::ChainId`] that are
    /// kept.
    fn standing(&self, device: DeviceId) -> Standing;

    /// What is sealed with now; `None` while nothing may be.
    fn current(&self) -> Option<(EpochId, &EpochKey)>;

    /// The key of an epoch, if it has come.
    fn key(&self, epoch: EpochId) -> Option<&EpochKey>;
}

impl Members for Group {
    fn standing(&self, device: DeviceId) -> Standing {
        Group::standing(self, device)
    }

    fn current(&self) -> Option<(EpochId, &EpochKey)> {
        let id = self.current_epoch()?;
        Some((id, self.epoch(id)?))
    }

    fn key(&self, epoch: EpochId) -> Option<&EpochKey> {
        self.epoch(epoch)
    }
}
