//! Which machine this is, so that a copied profile is noticed.
//!
//! The system's own identifier is hashed with the profile's root secret, so that the header gives
//! away neither. A machine without one (a bare container) is unknown, which is no reason to worry.

use std::path::Path;

use zeroize::Zeroizing;

use super::Secret;
use crate::disk::{self, Disk};

/// Where a profile was last used, as far as this machine can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On this machine.
    Here,
    /// On another: somebody copied it, or the system was installed anew. Two machines that go on
    /// from one profile must not take each other for themselves.
    Elsewhere,
    /// The profile has no mark, or this machine has no identifier.
    Unknown,
}

/// The system's identifier; it is not secret, and it is nobody else's business.
#[derive(Clone)]
pub(super) struct MachineId(Option<Zeroizing<Vec<u8>>>);

/// An identifier is 32 digits or a UUID.
const ID_BYTES_MAX: usize = 256;

impl MachineId {
    pub(super) fn read(disk: &dyn Disk) -> Self {
        let id = system_id(disk).map(|id| Zeroizing::new(id.trim_ascii().to_vec()));
        Self(id.filter(|id| !id.is_empty() && **id != *b"uninitialized"))
    }

    /// What stands for it in the profile with this root.
    pub(super) fn mark(&self, root: &Secret) -> Option<[u8; 32]> {
        let id = self.0.as_ref()?;
        let key = super::seal::derive("hearth 2026-11 machine", &**root);
        Some(*blake3::keyed_hash(&key, id).as_bytes())
    }

    pub(super) fn origin(&self, root: &Secret, kept: Option<[u8; 32]>) -> Origin {
        match (self.mark(root), kept) {
            (Some(here), Some(kept)) if here == kept => Origin::Here,
            (Some(_), Some(_)) => Origin::Elsewhere,
            _ => Origin::Unknown,
        }
    }
}

#[cfg(not(any(windows, target_os = "macos")))]
fn system_id(disk: &dyn Disk) -> Option<Vec<u8>> {
    let places = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
    places.iter().find_map(|path| disk::read(disk, Path::new(path), ID_BYTES_MAX).ok())
}

#[cfg(target_os = "macos")]
fn system_id(disk: &dyn Disk) -> Option<Vec<u8>> {
    // A file in its place is for tests, whose disk is not the machine's.
    if let Ok(id) = disk::read(disk, Path::new("/etc/machine-id"), ID_BYTES_MAX) {
        return Some(id);
    }
    let (mut id, wait) = ([0_u8; 16], libc::timespec { tv_sec: 1, tv_nsec: 0 });
    // SAFETY: the first argument is room for a `uuid_t`, the second a valid time.
    let result = unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const wait) };
    (result == 0).then(|| id.to_vec())
}

#[cfg(windows)]
fn system_id(disk: &dyn Disk) -> Option<Vec<u8>> {
    use windows_sys::Win32::System::Registry::{
        HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RRF_SUBKEY_WOW6464KEY, RegGetValueW,
    };

    // A file in its place is for tests, whose disk is not the machine's.
    if let Ok(id) = disk::read(disk, Path::new("/etc/machine-id"), ID_BYTES_MAX) {
        return Some(id);
    }
    let wide = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<u16>>();
    let (key, name) = (wide("SOFTWARE\\Microsoft\\Cryptography"), wide("MachineGuid"));
    let mut id = [0_u8; ID_BYTES_MAX];
    let mut length = ID_BYTES_MAX as u32;
    // SAFETY: both names end in a zero, and `length` says how much room `id` has.
    let result = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            name.as_ptr(),
            RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY,
            std::ptr::null_mut(),
            id.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    (result == 0).then(|| id[..length as usize].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Open;
    use crate::disk::sim::SimDisk;

    #[test]
    fn a_machine_without_an_identifier_is_unknown() {
        let disk = SimDisk::new(1);
        let root = Zeroizing::new([1; 32]);
        let none = MachineId::read(&disk);
        assert_eq!(none.mark(&root), None);
        assert_eq!(none.origin(&root, Some([0; 32])), Origin::Unknown);
        disk.create_dir(Path::new("/etc")).unwrap();
        let file = disk.open(Path::new("/etc/machine-id"), Open::CreateNew).unwrap();
        file.append(b"\n").unwrap();
        assert_eq!(MachineId::read(&disk).mark(&root), None);
        file.append(b"0123456789abcdef0123456789abcdef\n").unwrap();
        let mark = MachineId::read(&disk).mark(&root);
        assert!(mark.is_some());
        assert_ne!(mark, MachineId::read(&disk).mark(&Zeroizing::new([2; 32])));
    }
}
