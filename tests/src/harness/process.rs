//! A child process that ends with the value that owns it, and whose output is shown when the test fails.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{PATIENCE, wait_until};

/// Lines of output that may wait to be read by the test.
const LINES_MAX: usize = 100_000;
/// Longest wait for the rest of the output of a program that has ended: something it started may hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A running program.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts a program with its output captured and nothing to read.
    #[must_use]
    pub fn start(name: &str, mut command: Command) -> Self {
        // Whoever looks at a failure wants what the program said, not where in it.
        command.env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = sync_channel(LINES_MAX);
        let output = child.stdout.take().expect("stdout is piped");
        let errors = child.stderr.take().expect("stderr is piped");
        let readers = vec![
            read_lines(output, Arc::clone(&log), "out", move |line| drop(sender.try_send(line))),
            read_lines(errors, Arc::clone(&log), "err", |_| ()),
        ];
        Self { name: name.to_owned(), child, lines, log, readers }
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output. `None` once the program has closed it.
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("{} says nothing for {PATIENCE:?}\n{}", self.name, self.log())
            }
        }
    }

    /// The next line of standard output that is JSON.
    pub fn json_line(&mut self) -> Option<serde_json::Value> {
        loop {
            let line = self.line()?;
            if let Ok(value) = serde_json::from_str(&line) {
                return Some(value);
            }
        }
    }

    /// Everything that the program has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    /// Waits until the program has written `text`, on either output.
    pub fn wait_for_log(&mut self, text: &str) {
        wait_until(&format!("{} writes {text:?}", self.name), || {
            let log = self.log();
            assert!(
                log.contains(text) || self.status().is_none(),
                "{} ended without {text:?}\n{log}",
                self.name
            );
            log.contains(text).then_some(())
        });
    }

    /// How the program ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits for the end of the program.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.status() {
                self.hear_out();
                return status;
            }
            assert!(
                started.elapsed() < patience,
                "{} still runs after {patience:?}\n{}",
                self.name,
                self.log()
            );
            std::thread::sleep(super::LOOK_INTERVAL);
        }
    }

    /// The most memory that the program has had resident at any time, in MiB.
    #[must_use]
    pub fn peak_resident_mib(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the program runs");
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel counts memory");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
        kibibytes / 1024
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name without SIG.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("sh runs");
        assert!(status.success(), "cannot send SIG{name} to {}", self.name);
    }

    /// Waits for the rest of the output of a program that has ended.
    fn hear_out(&self) {
        let started = Instant::now();
        while !self.readers.iter().all(JoinHandle::is_finished) && started.elapsed() < LAST_WORDS {
            std::thread::sleep(super::LOOK_INTERVAL);
        }
    }

    /// Ends the program without warning, as a crash or a pulled plug would.
    pub fn kill(&mut self) {
        // Fails only where the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            self.hear_out();
            eprintln!("--- {} ---\n{}", self.name, self.log());
        }
    }
}

fn read_lines(
    pipe: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
    mark: &'static str,
    mut each: impl FnMut(String) + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|length| length > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            if let Ok(mut log) = log.lock() {
                let _ = writeln!(log, "{mark}| {line}");
            }
            each(line);
        }
    })
}
