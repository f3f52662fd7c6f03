//! The walls on Linux; see namespaces(7), mount_setattr(2), landlock(7), capabilities(7).

use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Held, Network, Walls};

const MOUNT_ATTR_RDONLY: u64 = 1;
const AT_RECURSIVE: libc::c_uint = 0x8000;
const LANDLOCK_VERSION: u32 = 1;
const LANDLOCK_PATH_BENEATH: u32 = 1;
/// `SECBIT_NOROOT`, `SECBIT_NO_SETUID_FIXUP` and `SECBIT_NO_CAP_AMBIENT_RAISE`, each locked.
const SECBITS: libc::c_ulong = 0x03 | 0x0c | 0xc0;
const CAPABILITY_VERSION: u32 = 0x2008_0522;
/// The highest capability that any kernel may have.
const CAPABILITY_MAX: libc::c_ulong = 63;

/// The longest path that the system takes.
const PATH_BYTES_MAX: usize = libc::PATH_MAX as usize;

/// Rights of Landlock's first version that write: write_file, remove_dir, remove_file and make_*.
const WRITES_V1: u64 = 1 << 1 | 1 << 4 | 1 << 5 | 0b111_1111 << 6;
/// `REFER`, since the second: what moves between folders.
const REFER: u64 = 1 << 13;
/// `TRUNCATE`, since the third.
const TRUNCATE: u64 = 1 << 14;
/// What of these a file that is no folder takes.
const WRITES_OF_FILES: u64 = 1 << 1 | TRUNCATE;

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

#[repr(C)]
struct Ruleset {
    handled: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: RawFd,
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

/// Everything that the child needs, made before it is forked.
struct Ready {
    spaces: Option<Spaces>,
    ruleset: Option<Owned>,
    limits: Vec<(libc::__rlimit_resource_t, u64)>,
}

struct Spaces {
    flags: libc::c_int,
    uid_map: Vec<u8>,
    gid_map: Vec<u8>,
    hidden: Vec<(CString, bool)>,
    writes: Vec<CString>,
}

/// A descriptor that is closed with its owner.
struct Owned(RawFd);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody uses it after.
        unsafe { libc::close(self.0) };
    }
}

pub(super) fn probe() -> Held {
    let landlock = landlock_version() >= 1;
    let spaces = Walls::default();
    let tried = ready(&spaces, &Held { spaces: true, landlock: false, lacks: None })
        .map_err(io::Error::other)
        .and_then(|ready| {
            let mut command = Command::new("/proc/self/exe");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            // It ends before anything is run: what was tried is all that is asked.
            let try_it = move || {
                enter(&ready)?;
                // SAFETY: it ends this child of ours, at once and without any destructor.
                unsafe { libc::_exit(0) }
            };
            // SAFETY: `enter` makes plain system calls only, on memory that was made before.
            unsafe { command.pre_exec(try_it) };
            // The child has no word for its parent but its end.
            match command.status() {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => Err(io::Error::other(status.to_string())),
                Err(error) => Err(error),
            }
        });
    let mut lacks = Vec::new();
    if let Err(error) = &tried {
        lacks.push(format!("namespaces are refused here ({error})"));
    }
    if !landlock {
        lacks.push("this kernel has no Landlock".to_owned());
    }
    let lacks = (!lacks.is_empty()).then(|| lacks.join(", "));
    Held { spaces: tried.is_ok(), landlock, lacks }
}

pub(super) fn wall_in(command: &mut Command, walls: &Walls, held: &Held) -> Result<(), String> {
    let ready = ready(walls, held)?;
    // SAFETY: `enter` makes plain system calls only, on memory that was made before the fork.
    unsafe { command.pre_exec(move || enter(&ready)) };
    Ok(())
}

fn ready(walls: &Walls, held: &Held) -> Result<Ready, String> {
    // SAFETY: these calls cannot fail and touch no memory.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    let c = |path: &Path| {
        CString::new(path.as_os_str().as_bytes())
            .map_err(|_| format!("{} has a NUL in its name", path.display()))
    };
    let written = || walls.writes.iter().filter(|path| path.exists());
    let spaces = held.spaces.then(|| -> Result<Spaces, String> {
        let network = match walls.network {
            Network::None => libc::CLONE_NEWNET,
            Network::Open => 0,
        };
        // What lies in a place that is hidden is not there any more to be hidden.
        let is_inside = |path: &Path| {
            walls.hidden.iter().any(|other| other.as_path() != path && path.starts_with(other))
        };
        let mut hidden: Vec<_> = walls.hidden.iter().filter(|path| path.exists()).collect();
        hidden.retain(|path| !is_inside(path));
        hidden.dedup();
        Ok(Spaces {
            flags: libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWIPC | network,
            uid_map: format!("{uid} {uid} 1").into_bytes(),
            gid_map: format!("{gid} {gid} 1").into_bytes(),
            hidden: hidden
                .into_iter()
                .map(|path| Ok((c(path)?, path.is_dir())))
                .collect::<Result<_, String>>()?,
            writes: written().map(|path| c(path)).collect::<Result<_, _>>()?,
        })
    });
    let ruleset = match held.landlock {
        true => Some(ruleset(&written().cloned().collect::<Vec<_>>())?),
        false => None,
    };
    let mut limits = vec![(libc::RLIMIT_CORE, 0)];
    limits.extend(walls.file_bytes_max.map(|bytes| (libc::RLIMIT_FSIZE, bytes)));
    limits.extend(walls.cpu_s_max.map(|seconds| (libc::RLIMIT_CPU, seconds.max(1))));
    Ok(Ready { spaces: spaces.transpose()?, ruleset, limits })
}

/// In the child: everything, or the program is not started.
fn enter(ready: &Ready) -> io::Result<()> {
    if let Some(spaces) = &ready.spaces {
        spaces.enter()?;
    }
    for &(which, most) in &ready.limits {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: the limit outlives the call.
        let done = unsafe { libc::setrlimit(which, &limit) };
        // One that is stricter already stays.
        if done != 0 && io::Error::last_os_error().raw_os_error() != Some(libc::EPERM) {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: plain numbers go in.
    done(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    if let Some(ruleset) = &ready.ruleset {
        // SAFETY: the descriptor is a ruleset's, made before the fork.
        let restricted = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.0, 0) };
        done(restricted as libc::c_int)?;
    }
    if ready.spaces.is_some() {
        give_up_rights()?;
    }
    Ok(())
}

impl Spaces {
    fn enter(&self) -> io::Result<()> {
        let mut here = [0 as libc::c_char; PATH_BYTES_MAX];
        // SAFETY: the place has the size that is given.
        let is_known = unsafe { !libc::getcwd(here.as_mut_ptr(), here.len()).is_null() };
        // SAFETY: plain numbers go in; this child has one thread.
        done(unsafe { libc::unshare(self.flags) })?;
        // Without it no ordinary user may map a group.
        write_to(c"/proc/self/setgroups", b"deny")?;
        write_to(c"/proc/self/uid_map", &self.uid_map)?;
        write_to(c"/proc/self/gid_map", &self.gid_map)?;
        let none = std::ptr::null();
        // SAFETY: the strings end with NUL and outlive the calls; nothing else is pointed to.
        unsafe {
            let private = libc::MS_REC | libc::MS_PRIVATE;
            done(libc::mount(none, c"/".as_ptr(), none, private, none.cast()))?;
            for path in &self.writes {
                let path = path.as_ptr();
                done(libc::mount(path, path, none, libc::MS_BIND | libc::MS_REC, none.cast()))?;
            }
            set_read_only(c"/".as_ptr(), true)?;
            for path in &self.writes {
                set_read_only(path.as_ptr(), false)?;
            }
            for (path, is_folder) in &self.hidden {
                let path = path.as_ptr();
                let shown = match is_folder {
                    true => libc::mount(
                        c"none".as_ptr(),
                        path,
                        c"tmpfs".as_ptr(),
                        libc::MS_RDONLY,
                        c"size=4k,mode=0500".as_ptr().cast(),
                    ),
                    false => {
                        let null = c"/dev/null".as_ptr();
                        libc::mount(null, path, none, libc::MS_BIND, none.cast())
                    }
                };
                done(shown)?;
            }
            // It stood in what lies under those mounts, which is read-only now.
            if is_known {
                done(libc::chdir(here.as_ptr()))?;
            }
        }
        Ok(())
    }
}

/// Whether a mount, and what is mounted in it, can be written.
///
/// # Safety
/// `path` ends with NUL.
unsafe fn set_read_only(path: *const libc::c_char, is_read_only: bool) -> io::Result<()> {
    let (set, clear) = if is_read_only { (MOUNT_ATTR_RDONLY, 0) } else { (0, MOUNT_ATTR_RDONLY) };
    let attributes = MountAttr { set, clear, propagation: 0, userns: 0 };
    // What cannot be written anyway stays so: a mount of the system's that is locked.
    let flags = if is_read_only { AT_RECURSIVE } else { 0 };
    // SAFETY: the attributes outlive the call and have the size that is given.
    let changed = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path,
            flags,
            &raw const attributes,
            size_of::<MountAttr>(),
        )
    };
    done(changed as libc::c_int)
}

/// A program that is root here would otherwise be so in its own namespace, and undo the mounts.
fn give_up_rights() -> io::Result<()> {
    // SAFETY: plain numbers go in; the header and the empty sets outlive the call.
    unsafe {
        for capability in 0..=CAPABILITY_MAX {
            // Those that this kernel does not have are not there to be given up.
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        done(libc::prctl(libc::PR_SET_SECUREBITS, SECBITS, 0, 0, 0))?;
        let header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
        let empty = [0_u32; 6];
        let set = libc::syscall(libc::SYS_capset, &raw const header, &raw const empty);
        done(set as libc::c_int)
    }
}

fn write_to(path: &std::ffi::CStr, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the string ends with NUL, and the bytes outlive the calls.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        let written = libc::write(file, bytes.as_ptr().cast(), bytes.len());
        let error = io::Error::last_os_error();
        libc::close(file);
        if written == bytes.len() as isize { Ok(()) } else { Err(error) }
    }
}

fn done(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn landlock_version() -> i64 {
    // SAFETY: without attributes the call only answers its version.
    unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0,
            LANDLOCK_VERSION,
        )
    }
}

/// Rules that let only these places be written.
fn ruleset(writes: &[std::path::PathBuf]) -> Result<Owned, String> {
    let told = |what: &str| format!("Landlock: {what}: {}", io::Error::last_os_error());
    let version = landlock_version();
    let mut handled = WRITES_V1;
    if version >= 2 {
        handled |= REFER;
    }
    if version >= 3 {
        handled |= TRUNCATE;
    }
    let attributes = Ruleset { handled };
    // SAFETY: the attributes outlive the call and have the size that is given.
    let made = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const attributes,
            size_of::<Ruleset>(),
            0,
        )
    };
    if made < 0 {
        return Err(told("no ruleset"));
    }
    let ruleset = Owned(made as RawFd);
    let devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty"].map(std::path::PathBuf::from);
    for path in writes.iter().chain(&devices) {
        let Ok(name) = CString::new(path.as_os_str().as_bytes()) else { continue };
        // SAFETY: the name ends with NUL and outlives the call.
        let place = unsafe { libc::open(name.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
        if place < 0 {
            continue;
        }
        let place = Owned(place);
        let kind = if path.is_dir() { handled } else { handled & WRITES_OF_FILES };
        let rule = PathBeneath { allowed: kind, parent: place.0 };
        // SAFETY: the rule outlives the call, which reads it as this kind.
        let added = unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                ruleset.0,
                LANDLOCK_PATH_BENEATH,
                &raw const rule,
                0,
            )
        };
        if added < 0 {
            return Err(told(&path.display().to_string()));
        }
    }
    Ok(ruleset)
}
