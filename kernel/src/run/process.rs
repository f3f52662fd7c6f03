//! Child processes of a step, that end when it has to stop.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::executor::{Context, Spent, StepError};
use super::sandbox::{self, Network, Walls};

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(10);

impl Context {
    /// Runs a program, with what it prints in the step's log, and waits for it. It leads a group of
    /// its own: when the step has to stop, and when the program itself has ended, the whole group
    /// is killed. What leaves the group on purpose (`setsid`) is not reached.
    ///
    /// # Errors
    /// It cannot be started, the log cannot be kept, or [`StepError::Stopped`]. That it failed is
    /// in what it answers.
    pub fn process(&self, mut command: Command) -> Result<ExitStatus, StepError> {
        self.check()?;
        let most = self.obligations().budget_bytes;
        if most.is_some() && !cfg!(target_os = "linux") {
            return Err(StepError::Permanent(
                "the policy says how many bytes it may write, which cannot be counted here".into(),
            ));
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().map_err(|error| {
            StepError::Permanent(format!("\"{name}\" could not be started: {error}"))
        })?;
        let (sender, printed) = mpsc::sync_channel(16);
        let readers = [
            child.stdout.take().map(|pipe| read(pipe, sender.clone())),
            child.stderr.take().map(|pipe| read(pipe, sender.clone())),
        ];
        drop(sender);
        let (mut logged, mut counted) = (Ok(()), 0);
        let mut result = loop {
            match printed.recv_timeout(LOOK) {
                Ok(bytes) => logged = self.log(&bytes),
                // Both pipes are closed; the process may go on without them.
                Err(mpsc::RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            let written = match most {
                Some(_) => self.count(&child, &mut counted),
                None => Ok(()),
            };
            if let Err(error) = written.and(self.check()).and(logged.clone()) {
                break Err(error);
            }
            if has_ended(&mut child) {
                break Ok(());
            }
        };
        if most.is_some() && result.is_ok() {
            result = self.count(&child, &mut counted);
        }
        let status = end(&mut child);
        for bytes in printed {
            if result.is_ok() {
                result = self.log(&bytes);
            }
        }
        for reader in readers.into_iter().flatten() {
            // A reader only passes bytes on: there is nothing to hear from it.
            drop(reader.join());
        }
        result?;
        let (status, cpu) = status
            .map_err(|error| StepError::Transient(format!("\"{name}\" got lost: {error}")))?;
        self.spend(Spent { cpu, ..Spent::default() })?;
        Ok(status)
    }

    /// The same behind `walls`, made stricter by what the gate obliges the step to. The log says
    /// first what of that this system holds.
    ///
    /// # Errors
    /// As [`Context::process`]; or the policy wants a sandbox that is not there.
    pub fn walled_process(
        &self,
        mut command: Command,
        mut walls: Walls,
    ) -> Result<ExitStatus, StepError> {
        let (held, obligations) = (sandbox::ability(), self.obligations());
        if let Some(name) = &obligations.sandbox {
            if !sandbox::NAMES.contains(&name.as_str()) {
                let names = sandbox::NAMES.join(", ");
                return Err(StepError::Permanent(format!(
                    "there is no sandbox \"{name}\": the policy can ask for {names}"
                )));
            }
            if !held.is_whole() {
                return Err(StepError::Permanent(format!(
                    "the policy wants it in the sandbox \"{name}\", and here it would run {}",
                    held.told()
                )));
            }
            walls.network = Network::None;
        }
        walls.file_bytes_max = obligations.budget_bytes.or(walls.file_bytes_max);
        walls.cpu_s_max = obligations.budget_s.or(walls.cpu_s_max);
        sandbox::wall_in(&mut command, &walls).map_err(StepError::Permanent)?;
        self.log(format!("It runs {}.\n", held.told()).as_bytes())?;
        self.process(command)
    }

    /// Counts what the program, and the children that it waited for, have written by now.
    fn count(&self, child: &Child, counted: &mut u64) -> Result<(), StepError> {
        let account = std::fs::read_to_string(format!("/proc/{}/io", child.id()));
        let written = account.ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
            line?.trim().parse::<u64>().ok()
        });
        let fresh = written.unwrap_or(0).saturating_sub(*counted);
        *counted += fresh;
        self.spend(Spent { bytes: fresh, ..Spent::default() })
    }
}

fn read(
    mut pipe: impl Read + Send + 'static,
    to: mpsc::SyncSender<Vec<u8>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut block = [0; 8192];
        while let Ok(some @ 1..) = pipe.read(&mut block) {
            if to.send(block[..some].to_vec()).is_err() {
                return;
            }
        }
    })
}

/// Whether the process has ended. It is not reaped, so that its id, and its group's, stay its own.
#[cfg(unix)]
fn has_ended(child: &mut Child) -> bool {
    // SAFETY: zeros are a valid `siginfo_t`, which the call fills and which outlives it.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        let done = libc::waitid(libc::P_PID, child.id(), &mut info, how);
        done != 0 || info.si_pid() != 0
    }
}

/// Kills the group, reaps its leader, and says how it ended and what CPU time it took, with those
/// children that it waited for.
#[cfg(unix)]
fn end(child: &mut Child) -> std::io::Result<(ExitStatus, Duration)> {
    use std::os::unix::process::ExitStatusExt;

    let id = child.id() as libc::pid_t;
    let mut status = 0;
    // SAFETY: the leader was not reaped, so the id is that of our group and of nobody else; zeros
    // are a valid `rusage`, and both places outlive the call.
    let (reaped, usage) = unsafe {
        libc::kill(-id, libc::SIGKILL);
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(id, &mut status, 0, &mut usage), usage)
    };
    if reaped != id {
        return Err(std::io::Error::last_os_error());
    }
    let time = |it: libc::timeval| {
        Duration::from_secs(it.tv_sec as u64) + Duration::from_micros(it.tv_usec as u64)
    };
    Ok((ExitStatus::from_raw(status), time(usage.ru_utime) + time(usage.ru_stime)))
}

#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

/// Kills the tree. Its CPU time is not known here.
#[cfg(not(unix))]
fn end(child: &mut Child) -> std::io::Result<(ExitStatus, Duration)> {
    if let Ok(None) = child.try_wait() {
        let mut kill = Command::new("taskkill");
        kill.args(["/T", "/F", "/PID", &child.id().to_string()]);
        // Whether or not it knew the tree, the child itself is killed next.
        drop(kill.stdout(Stdio::null()).stderr(Stdio::null()).status());
        drop(child.kill());
    }
    Ok((child.wait()?, Duration::ZERO))
}
