//! Unix sockets.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::LocalError;
use crate::Wire;

/// What `sockaddr_un` has room for on the narrowest system, with its last zero.
const PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

pub(super) struct Listener {
    inner: UnixListener,
    path: PathBuf,
    /// The inode that we made, so that another's socket is not removed in our name.
    inode: u64,
}

impl Listener {
    pub(super) fn bind(path: &Path) -> Result<Self, LocalError> {
        let dir = path.parent().unwrap_or(Path::new("."));
        let wrap = |error| LocalError::System(path.to_owned(), error);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(wrap)?;
        let metadata = fs::metadata(dir).map_err(wrap)?;
        if metadata.uid() != effective_user() || metadata.mode() & 0o077 != 0 {
            return Err(LocalError::Exposed(dir.to_owned()));
        }
        match connect(path) {
            Ok(_) | Err(LocalError::Stranger(_)) => {
                return Err(LocalError::InUse(path.to_owned()));
            }
            // Left behind by a process that ended without a word.
            Err(LocalError::Nobody(_)) => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrap(error)),
                _ => {}
            },
            Err(error) => return Err(error),
        }
        let short = ShortPath::of(path)?;
        let inner = UnixListener::bind(&short.path).map_err(wrap)?;
        // Between the two calls the folder's mode keeps others out.
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(wrap)?;
        let inode = fs::symlink_metadata(path).map_err(wrap)?.ino();
        Ok(Self { inner, path: path.to_owned(), inode })
    }

    pub(super) fn accept(&self) -> io::Result<Wire> {
        loop {
            let (stream, _) = self.inner.accept()?;
            // Whoever is neither of us nor known is hung up on.
            if is_ours(&stream).unwrap_or(false) {
                return wire(stream);
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // What stays is taken over by the next process.
            drop(fs::remove_file(&self.path));
        }
    }
}

pub(super) fn connect(path: &Path) -> Result<Wire, LocalError> {
    let short = ShortPath::of(path)?;
    let wrap = |error| LocalError::System(path.to_owned(), error);
    let stream = UnixStream::connect(&short.path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            LocalError::Nobody(path.to_owned())
        }
        _ => wrap(error),
    })?;
    match is_ours(&stream) {
        Ok(true) => wire(stream).map_err(wrap),
        Ok(false) => Err(LocalError::Stranger(path.to_owned())),
        Err(error) => Err(wrap(error)),
    }
}

/// A path that fits: on Linux a long one goes through its folder's descriptor.
struct ShortPath {
    path: PathBuf,
    _dir: Option<File>,
}

impl ShortPath {
    fn of(path: &Path) -> Result<Self, LocalError> {
        if path.as_os_str().len() <= PATH_BYTES_MAX {
            return Ok(Self { path: path.to_owned(), _dir: None });
        }
        let too_long = || LocalError::TooLong(path.to_owned(), PATH_BYTES_MAX);
        if !cfg!(target_os = "linux") {
            return Err(too_long());
        }
        let (dir, name) = path.parent().zip(path.file_name()).ok_or_else(too_long)?;
        let dir = File::open(dir).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LocalError::Nobody(path.to_owned()),
            _ => LocalError::System(path.to_owned(), error),
        })?;
        let short = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name);
        let fits = short.as_os_str().len() <= PATH_BYTES_MAX;
        if fits { Ok(Self { path: short, _dir: Some(dir) }) } else { Err(too_long()) }
    }
}

fn wire(stream: UnixStream) -> io::Result<Wire> {
    let (reader, waker) = (stream.try_clone()?, stream.try_clone()?);
    let wire = Wire::new(reader, HangUp(stream));
    Ok(wire.with_stop(move || {
        // The writer may still have a last message; the reader is what has to wake up. A socket
        // that is gone already needs no shutting.
        drop(waker.shutdown(Shutdown::Read));
    }))
}

/// Ends the connection, for the other side too, when the last message was written.
struct HangUp(UnixStream);

impl io::Write for HangUp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for HangUp {
    fn drop(&mut self) {
        // A socket that is gone already needs no shutting.
        drop(self.0.shutdown(Shutdown::Both));
    }
}

fn effective_user() -> libc::uid_t {
    // SAFETY: geteuid has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

fn is_ours(stream: &UnixStream) -> io::Result<bool> {
    Ok(user_of(stream)? == effective_user())
}

#[cfg(target_os = "linux")]
fn user_of(stream: &UnixStream) -> io::Result<libc::uid_t> {
    let mut who = libc::ucred { pid: 0, uid: libc::uid_t::MAX, gid: libc::gid_t::MAX };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the socket is open, and `who` and `len` are valid for the call, `len` being its size.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut who).cast(),
            &raw mut len,
        )
    };
    if result == 0 { Ok(who.uid) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn user_of(stream: &UnixStream) -> io::Result<libc::uid_t> {
    let (mut user, mut group) = (libc::uid_t::MAX, libc::gid_t::MAX);
    // SAFETY: the socket is open, and both results are valid for the call.
    let result = unsafe { libc::getpeereid(stream.as_raw_fd(), &raw mut user, &raw mut group) };
    if result == 0 { Ok(user) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn only_the_owner_can_open_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/control");
        let listener = Listener::bind(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&home.path().join("run"))), (0o600, 0o700));
        assert!(matches!(Listener::bind(&path), Err(LocalError::InUse(_))));
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
        let bound = Listener::bind(&home.path().join("control"));
        assert!(matches!(bound, Err(LocalError::Exposed(_))));
    }

    #[test]
    fn what_a_dead_process_left_is_taken_over() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/control");
        drop(Listener::bind(&path).unwrap());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        assert!(matches!(connect(&path), Err(LocalError::Nobody(_))));
        Listener::bind(&path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_long_path_works() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a".repeat(120)).join("control");
        let listener = Listener::bind(&path).unwrap();
        let mut here = connect(&path).unwrap();
        let mut there = listener.accept().unwrap();
        here.writer.write_all(b"hello").unwrap();
        drop(here);
        let mut text = String::new();
        there.reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }
}
