//! Processes that live as long as their owner, and what they use.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Time that a process gets to answer on its port.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
/// Time that a process gets to end by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Lines of a process's log that explain why it did not start.
const LOG_LINES_SHOWN: usize = 10;
const POLL: Duration = Duration::from_millis(10);

/// A process that is ended with its owner.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// What a process and all its children have used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Time on a processor, user and system together.
    pub(crate) cpu: Duration,
    /// Resident memory.
    pub(crate) rss_bytes: u64,
}

impl Process {
    /// Starts a process whose output goes to the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone().context("cannot share a log file")?;
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = child.with_context(|| format!("cannot start {name} ({command:?})"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_path_buf() })
    }

    /// Waits until something accepts connections at the address.
    ///
    /// # Errors
    /// When the process ends first, or takes too long.
    pub(crate) fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        self.wait_until(&format!("{address} accepts connections"), || TcpStream::connect(address).is_ok())
    }

    /// Waits until a condition holds.
    ///
    /// # Errors
    /// When the process ends first, or takes too long.
    pub(crate) fn wait_until(&mut self, what: &str, holds: impl FnMut() -> bool) -> Result<()> {
        self.wait_at_most(READY_TIMEOUT, what, holds)
    }

    /// Waits until a condition holds, at most so long.
    ///
    /// # Errors
    /// When the process ends first, or takes too long.
    pub(crate) fn wait_at_most(
        &mut self,
        patience: Duration,
        what: &str,
        mut holds: impl FnMut() -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        while !holds() {
            if let Some(status) = self.child.try_wait().context("cannot ask for a process")? {
                bail!("{} ended ({status}) before {what}{}", self.name, self.said());
            }
            if start.elapsed() > patience {
                bail!("{}: {what}: not within {patience:?}{}", self.name, self.said());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// The last of what the process wrote.
    fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(LOG_LINES_SHOWN).collect();
        lines.into_iter().rev().flat_map(|line| ["\n    ", line]).collect()
    }

    /// What the process and its children have used until now.
    pub(crate) fn usage(&self) -> Usage {
        tree(self.child.id()).into_iter().map(usage_of).fold(Usage::default(), |sum, one| Usage {
            cpu: sum.cpu + one.cpu,
            rss_bytes: sum.rss_bytes + one.rss_bytes,
        })
    }

    /// Ends it as an operator would, and by force when that does not do.
    pub(crate) fn stop(&mut self) {
        let _ =
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).stderr(Stdio::null()).status();
        let start = Instant::now();
        while start.elapsed() < STOP_TIMEOUT {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(POLL);
        }
        self.kill();
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address on loopback that is free now.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    listener.local_addr().context("the listener has no address")
}

/// A process and all that descend from it.
fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        let children =
            fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        found.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        next += 1;
    }
    found
}

/// Linux counts the time of each thread in nanoseconds; the ticks of `/proc/PID/stat` are too coarse for short rounds.
fn usage_of(id: u32) -> Usage {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().filter_map(Result::ok);
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib =
        resident.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default();
    Usage { cpu: Duration::from_nanos(nanos.sum()), rss_bytes: kib * 1024 }
}
