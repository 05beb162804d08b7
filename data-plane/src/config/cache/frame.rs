//! Files of records: a header, then each record with its length and checksum.
//!
//! ```text
//! header  "SBXSTATE" version:u16 kind:u8 sealed:u8 generation:u64 salt:16     (integers little-endian)
//! record  length:u32 body:length sha256(header, number of the record, body):32
//! ```
//! The checksum covers header and position, so records neither move nor change files unnoticed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use super::seal::Seal;

const MAGIC: &[u8; 8] = b"SBXSTATE";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 36;
const CHECKSUM_BYTES: usize = 32;

/// Largest record, in bytes; a longer length is damage.
const MAX_RECORD_BYTES: usize = 64 << 20;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole state.
    Snapshot = 1,
    /// Deltas since.
    Log = 2,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("it cannot be read")]
    Io(#[source] io::Error),
    #[error("it is not a state file of this version")]
    Header,
    #[error("it is encrypted, or not, unlike this data plane's setting")]
    Sealing,
    #[error("record {0} is damaged or cut off")]
    Record(u64),
    #[error("record {0} cannot be decrypted: another key?")]
    Key(u64),
    #[error("it ends too early")]
    Incomplete,
}

/// Options for files that nobody else may read.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

/// Writes records.
#[derive(Debug)]
pub(super) struct FrameWriter {
    file: io::BufWriter<File>,
    header: [u8; HEADER_BYTES],
    number: u64,
    /// Bytes of the file so far.
    pub(super) bytes: u64,
}

impl FrameWriter {
    /// A new file, replacing what is there.
    pub(super) fn create(path: &Path, kind: Kind, generation: u64, seal: &Seal) -> io::Result<Self> {
        let mut salt = [0; 16];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| io::Error::other("no random bytes"))?;
        let mut header = [0; HEADER_BYTES];
        let sealed = u8::from(seal.is_sealing());
        let parts: [&[u8]; 6] =
            [MAGIC, &VERSION.to_le_bytes(), &[kind as u8], &[sealed], &generation.to_le_bytes(), &salt];
        for (to, from) in header.iter_mut().zip(parts.concat()) {
            *to = from;
        }
        let mut file = io::BufWriter::with_capacity(1 << 16, options().truncate(true).open(path)?);
        file.write_all(&header)?;
        Ok(Self { file, header, number: 0, bytes: HEADER_BYTES as u64 })
    }

    /// Goes on behind what a reader found to be whole.
    pub(super) fn resume(path: &Path, reader: &FrameReader) -> io::Result<Self> {
        let mut file = options().open(path)?;
        file.set_len(reader.whole_bytes)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        let (header, number, bytes) = (reader.header, reader.number, reader.whole_bytes);
        Ok(Self { file: io::BufWriter::with_capacity(1 << 16, file), header, number, bytes })
    }

    /// Writes one record.
    pub(super) fn write(&mut self, body: Vec<u8>, seal: &Seal) -> io::Result<()> {
        let sealed = seal.seal(body, &context(&self.header, self.number))?;
        let length = u32::try_from(sealed.len()).map_err(|_| io::Error::other("record too long"))?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&sealed)?;
        self.file.write_all(&checksum(&self.header, self.number, &sealed))?;
        self.number += 1;
        self.bytes += 4 + u64::from(length) + CHECKSUM_BYTES as u64;
        Ok(())
    }

    /// Makes everything written so far last.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_data()
    }
}

/// Reads records.
#[derive(Debug)]
pub(super) struct FrameReader {
    file: io::BufReader<File>,
    header: [u8; HEADER_BYTES],
    number: u64,
    /// Bytes up to the end of the last whole record.
    pub(super) whole_bytes: u64,
}

impl FrameReader {
    /// Opens a file.
    pub(super) fn open(path: &Path, kind: Kind, generation: u64, seal: &Seal) -> Result<Self, Damage> {
        let file = File::open(path).map_err(Damage::Io)?;
        let mut file = io::BufReader::with_capacity(1 << 18, file);
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).map_err(|_| Damage::Header)?;
        let [magic @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = header;
        let expected = [MAGIC.as_slice(), &VERSION.to_le_bytes(), &[kind as u8]].concat();
        let [.., sealed, _, _, _, _, _, _, _, _] = magic;
        if !magic.starts_with(&expected) || !magic.ends_with(&generation.to_le_bytes()) {
            return Err(Damage::Header);
        }
        if sealed != u8::from(seal.is_sealing()) {
            return Err(Damage::Sealing);
        }
        Ok(Self { file, header, number: 0, whole_bytes: HEADER_BYTES as u64 })
    }

    /// The next record; `None` at the end of the file.
    pub(super) fn next(&mut self, seal: &Seal) -> Result<Option<Vec<u8>>, Damage> {
        let damaged = |_| Damage::Record(self.number);
        let mut length = [0; 4];
        match self.file.read(&mut length).map_err(Damage::Io)? {
            0 => return Ok(None),
            4 => {}
            some => {
                let rest = length.get_mut(some..).unwrap_or_default();
                self.file.read_exact(rest).map_err(damaged)?;
            }
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_RECORD_BYTES {
            return Err(Damage::Record(self.number));
        }
        // Allocate only as much as is there: the length may be damaged too.
        let mut body = Vec::with_capacity(length.min(1 << 20));
        let mut limited = (&mut self.file).take(length as u64);
        limited.read_to_end(&mut body).map_err(damaged)?;
        let mut expected = [0; CHECKSUM_BYTES];
        self.file.read_exact(&mut expected).map_err(damaged)?;
        if body.len() != length || checksum(&self.header, self.number, &body) != expected {
            return Err(Damage::Record(self.number));
        }
        let opened = seal.open_sealed(&mut body, &context(&self.header, self.number));
        let plain = opened.ok_or(Damage::Key(self.number))?.len();
        body.truncate(plain);
        self.number += 1;
        self.whole_bytes += 4 + length as u64 + CHECKSUM_BYTES as u64;
        Ok(Some(body))
    }
}

fn context(header: &[u8; HEADER_BYTES], number: u64) -> Vec<u8> {
    [header.as_slice(), &number.to_le_bytes()].concat()
}

fn checksum(header: &[u8; HEADER_BYTES], number: u64, body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut context = Context::new(&SHA256);
    context.update(header);
    context.update(&number.to_le_bytes());
    context.update(body);
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(context.finish().as_ref());
    sum
}
