use std::{
    io::{self, Write},
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use super::*;

/// What was written, and a gate that can be held shut.
#[derive(Clone, Default)]
struct Pipe {
    written: Arc<Mutex<Vec<u8>>>,
    gate: Arc<Mutex<()>>,
    /// Told of every attempt to write, before the gate.
    attempts: Option<Sender<()>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(attempts) = &self.attempts {
            let _ = attempts.send(());
        }
        let _open = self.gate.lock().unwrap();
        self.written.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pipe {
    fn watched() -> (Self, Receiver<()>) {
        let (attempts, seen) = channel();
        (Self { attempts: Some(attempts), ..Self::default() }, seen)
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        let written = self.written.lock().unwrap();
        let text = std::str::from_utf8(&written).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn start(pipe: &Pipe) -> (AccessLog, Arc<AccessCounters>) {
    let counters = Arc::<AccessCounters>::default();
    let log = AccessLog::start_with(
        Sink::to(pipe.clone(), Arc::clone(&counters)),
        line::suffix("", ""),
        Arc::clone(&counters),
    )
    .unwrap();
    (log, counters)
}

#[test]
fn flush_waits_until_lines_have_arrived() {
    let pipe = Pipe::default();
    let (log, counters) = start(&pipe);
    log.log(&AccessRecord { path: "/one", ..AccessRecord::default() });
    log.flush();
    assert_eq!(pipe.lines()[0]["http.path"], "/one");
    assert_eq!(counters.written.get(), 1);
}

#[test]
fn lines_arrive_without_a_flush() {
    let (pipe, seen) = Pipe::watched();
    let (log, _) = start(&pipe);
    log.log(&AccessRecord::default());
    seen.recv_timeout(Duration::from_secs(10)).unwrap();
    drop(log);
}

#[test]
fn the_last_handle_leaves_nothing_behind() {
    let pipe = Pipe::default();
    let (log, counters) = start(&pipe);
    let other = log.clone();
    log.log(&AccessRecord::default());
    drop(log);
    other.log(&AccessRecord::default());
    drop(other);
    while counters.written.get() < 2 {
        thread::yield_now();
    }
    assert_eq!(pipe.lines().len(), 2);
}

#[test]
fn lines_of_one_thread_keep_their_order() {
    let pipe = Pipe::default();
    let (log, counters) = start(&pipe);
    let lines = 5000_u16;
    thread::scope(|scope| {
        for host in ["a", "b"] {
            let log = &log;
            scope.spawn(move || {
                for number in 0..lines {
                    log.log(&AccessRecord { host, status: number, ..AccessRecord::default() });
                }
            });
        }
        log.flush();
    });
    log.flush();
    for host in ["a", "b"] {
        let read = pipe.lines();
        let numbers =
            read.iter().filter(|line| line["http.host"] == host).map(|line| line["http.status"].as_u64());
        assert!(numbers.eq((0..u64::from(lines)).map(Some)), "{host}");
    }
    assert_eq!((counters.written.get(), counters.dropped.get()), (u64::from(lines) * 2, 0));
}

#[test]
fn a_blocked_pipe_costs_lines_and_never_a_request() {
    let (pipe, seen) = Pipe::watched();
    let (log, counters) = start(&pipe);
    let record = AccessRecord { reason: &"x".repeat(400), ..AccessRecord::default() };
    let shut = pipe.gate.lock().unwrap();
    let mut logged = 0_u64;
    // Far more than what the queue and all buffers can hold.
    for _ in 0..(LIMITS.queue_buffers + 20) * LIMITS.handover_bytes / 400 {
        log.log(&record);
        logged += 1;
    }
    seen.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(counters.dropped.get() > 0);
    drop(shut);
    // One flush may find the queue still full.
    while counters.written.get() + counters.dropped.get() < logged {
        log.flush();
    }
    assert_eq!(counters.written.get() + counters.dropped.get(), logged);
    assert_eq!(pipe.lines().len() as u64, counters.written.get());
}

#[test]
fn off_formats_nothing() {
    let log = AccessLog::start(&Destination::Off, "", "", Arc::default()).unwrap();
    assert!(!log.is_on());
    log.log(&AccessRecord::default());
    log.flush();
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_at_the_start() {
    let missing = Destination::File("/nonexistent/access.log".into());
    assert!(AccessLog::start(&missing, "", "", Arc::default()).is_err());
}
