//! Windows named pipes.
//!
//! A connection cannot be hung up on while a read waits: the reader's thread ends when the other
//! side does.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use interprocess::local_socket::prelude::*;
use interprocess::local_socket::{GenericNamespaced, ListenerOptions, Name, Stream};
use interprocess::os::windows::local_socket::ListenerOptionsExt;
use interprocess::os::windows::security_descriptor::SecurityDescriptor;

use super::LocalError;
use crate::Wire;

/// Full access for the owner, none for anybody else, nothing inherited.
const OWNER_ONLY: &widestring::U16CStr = widestring::u16cstr!("D:P(A;;GA;;;OW)");

pub(super) struct Listener(LocalSocketListener);

impl Listener {
    pub(super) fn bind(path: &Path) -> Result<Self, LocalError> {
        let wrap = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => {
                LocalError::InUse(path.to_owned())
            }
            _ => LocalError::System(path.to_owned(), error),
        };
        let name = name(path).map_err(wrap)?;
        let owner = SecurityDescriptor::deserialize(OWNER_ONLY).map_err(wrap)?;
        let options = ListenerOptions::new().name(name).security_descriptor(owner);
        Ok(Self(options.create_sync().map_err(wrap)?))
    }

    pub(super) fn accept(&self) -> io::Result<Wire> {
        Ok(wire(self.0.accept()?))
    }
}

pub(super) fn connect(path: &Path) -> Result<Wire, LocalError> {
    let wrap = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => LocalError::Nobody(path.to_owned()),
        io::ErrorKind::PermissionDenied => LocalError::Stranger(path.to_owned()),
        _ => LocalError::System(path.to_owned(), error),
    };
    let name = name(path).map_err(wrap)?;
    Ok(wire(Stream::connect(name).map_err(wrap)?))
}

fn wire(stream: Stream) -> Wire {
    let half = Half(Arc::new(stream));
    Wire::new(half.clone(), half)
}

/// One of the two users of a connection, which ends with the second of them.
#[derive(Clone)]
struct Half(Arc<Stream>);

impl Read for Half {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(into)
    }
}

impl Write for Half {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    /// A pipe's flush would wait until the other side has read everything.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pipes have one flat space of names, so that the path becomes a number. It only has to be the
/// same for every process of one build.
fn name(path: &Path) -> io::Result<Name<'static>> {
    let mut hasher = DefaultHasher::new();
    std::path::absolute(path)?.hash(&mut hasher);
    format!("hearth-{:016x}", hasher.finish()).to_ns_name::<GenericNamespaced>()
}
