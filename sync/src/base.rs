//! Texts that histories start from, on their way here in parts.

use std::collections::BTreeMap;

use net::DeviceId;
use text::TextHash;

use crate::message::{BASE_BYTES_MAX, Message, PART_BYTES};

/// Bases that are on their way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coming(BTreeMap<TextHash, Part>);

#[derive(Clone, Debug, Default)]
struct Part {
    /// Whom it was asked of.
    from: Option<DeviceId>,
    /// Who said that it has none.
    without: Vec<DeviceId>,
    bytes: Vec<u8>,
}

impl Coming {
    /// Notes that a base is needed. `false` if that was known.
    pub fn want(&mut self, base: TextHash) -> bool {
        let is_new = !self.0.contains_key(&base);
        self.0.entry(base).or_default();
        is_new
    }

    /// What is to be asked of a device: what nobody was asked for, or the device has gone.
    pub fn ask(&mut self, device: DeviceId) -> Vec<TextHash> {
        let free = self
            .0
            .iter_mut()
            .filter(|(_, part)| part.from.is_none() && !part.without.contains(&device));
        free.map(|(base, part)| {
            part.from = Some(device);
            part.bytes.clear();
            *base
        })
        .collect()
    }

    /// A device has gone: what it was asked for is asked of others.
    pub fn gone(&mut self, device: DeviceId) {
        for part in self.0.values_mut().filter(|part| part.from == Some(device)) {
            part.from = None;
        }
    }

    /// Who had none may have it by now.
    pub fn again(&mut self) {
        self.0.values_mut().for_each(|part| part.without.clear());
    }

    /// A device has none.
    pub fn without(&mut self, base: TextHash, device: DeviceId) {
        if let Some(part) = self.0.get_mut(&base).filter(|part| part.from == Some(device)) {
            part.from = None;
            part.without.push(device);
        }
    }

    /// Takes a part; answers the whole once it is there and hashes to its name.
    pub fn take(
        &mut self,
        from: DeviceId,
        base: TextHash,
        total: u64,
        offset: u64,
        bytes: &[u8],
    ) -> Option<String> {
        let part = self.0.get_mut(&base).filter(|part| part.from == Some(from))?;
        if offset != part.bytes.len() as u64 || total > BASE_BYTES_MAX {
            return None;
        }
        part.bytes.extend_from_slice(bytes);
        if (part.bytes.len() as u64) < total {
            return None;
        }
        let whole = std::mem::take(&mut part.bytes);
        let is_it = blake3::hash(&whole).as_bytes() == &base.to_bytes();
        match String::from_utf8(whole) {
            Ok(text) if is_it => {
                self.0.remove(&base);
                Some(text)
            }
            _ => {
                self.without(base, from);
                None
            }
        }
    }
}

/// A base as the messages that it travels in.
pub(crate) fn parts(base: TextHash, text: &str) -> Vec<Message> {
    let total = text.len() as u64;
    let part = |offset: usize, bytes: &[u8]| Message::Base {
        base,
        total,
        offset: offset as u64,
        bytes: bytes.to_vec(),
    };
    if text.is_empty() {
        return vec![part(0, &[])];
    }
    let chunks = text.as_bytes().chunks(PART_BYTES).enumerate();
    chunks.map(|(index, bytes)| part(index * PART_BYTES, bytes)).collect()
}
