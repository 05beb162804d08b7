use std::sync::{Arc, Mutex};

use super::*;

/// Fails after a number of bytes, until told otherwise.
#[derive(Clone, Default)]
struct Fragile(Arc<Mutex<(Vec<u8>, Option<usize>)>>);

impl Write for Fragile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (written, room) = &mut *self.0.lock().unwrap();
        let taken = room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        *room = room.map(|room| room - taken);
        written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_a_torn_line_the_next_one_starts_on_a_new_line() {
    let output = Fragile::default();
    output.0.lock().unwrap().1 = Some(7);
    let mut sink = Sink::to(output.clone(), Arc::default());
    assert!(sink.write(b"{\"a\":1}\n{\"b\":2}\n").is_err());
    output.0.lock().unwrap().1 = None;
    sink.write(b"{\"c\":3}\n").unwrap();
    assert_eq!(output.0.lock().unwrap().0, b"{\"a\":1}\n{\"c\":3}\n");
}

#[test]
fn a_file_is_appended_to_and_opened_again_when_it_was_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    fs::write(&path, "before\n").unwrap();
    let mut sink = Sink::open(&Destination::File(path.clone()), Arc::default()).unwrap().unwrap();
    sink.write(b"one\n").unwrap();
    sink.reopen_if_moved();
    fs::rename(&path, folder.path().join("access.log.1")).unwrap();
    sink.write(b"two\n").unwrap();
    sink.reopen_if_moved();
    sink.write(b"three\n").unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("access.log.1")).unwrap(), "before\none\ntwo\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
}

#[test]
fn a_file_whose_folder_is_gone_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/access.log");
    fs::create_dir(folder.path().join("logs")).unwrap();
    let mut sink = Sink::open(&Destination::File(path.clone()), Arc::default()).unwrap().unwrap();
    fs::rename(folder.path().join("logs"), folder.path().join("old")).unwrap();
    sink.reopen_if_moved();
    sink.write(b"still\n").unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("old/access.log")).unwrap(), "still\n");
    assert!(Sink::open(&Destination::File(path), Arc::default()).is_err());
}

#[test]
fn off_opens_nothing() {
    assert!(Sink::open(&Destination::Off, Arc::default()).unwrap().is_none());
}
