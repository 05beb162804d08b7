use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use signalbox_proto::model::lane::{Cursor, Epoch, Lane};
use signalbox_proto::wire::config::v1 as config;
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::change::Body;

use super::{Cache, CacheError, log_path, snapshot_path};
use crate::config::{Applier, Handle, Site, Staged};
use crate::settings::CacheSettings;

const EPOCH: Epoch = Epoch([4; 16]);
const PEPPER: [u8; 32] = [8; 32];

/// A data plane with a cache.
struct Plane {
    applier: Arc<Applier>,
    cache: Cache,
    runtime: tokio::runtime::Runtime,
}

impl Plane {
    fn start(settings: &CacheSettings) -> Self {
        let applier = Arc::new(Applier::new(Handle::new(), Site::default(), Arc::default()));
        let cache = Cache::open(settings, &applier).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { applier, cache, runtime }
    }

    fn cursor(&self, lane: Lane) -> Cursor {
        self.applier.handle().load().cursors.of(lane)
    }

    /// Applies and records a delta, as the client does.
    fn push(&self, lane: Lane, full: bool, changes: Vec<wire::Change>) {
        let from = self.cursor(lane).revision;
        let to = Cursor { epoch: EPOCH, revision: from + 1 };
        let mut staged = Staged::new(lane, from, to, full, PEPPER);
        let full = staged.full;
        for change in changes.clone() {
            staged.add(to.revision, signalbox_proto::model::lane::Change::from_wire(change, lane).unwrap());
        }
        self.runtime.block_on(self.applier.apply(staged)).unwrap();
        let kept = if full && lane == Lane::Credentials { Vec::new() } else { changes };
        self.cache.record(lane, from, to, full, kept);
    }

    /// What can be seen of the state.
    fn seen(&self) -> BTreeMap<String, String> {
        let held = self.applier.handle().load_full();
        let agents = held.agents.iter().map(|(name, agent)| (name.to_string(), format!("{:?}", agent.spec)));
        let plans = held.plans.iter().map(|(name, plan)| (name.to_string(), format!("{:?}", plan.spec)));
        let keys = held.keys.iter().map(|key| (key.name.to_owned(), format!("{key:?}")));
        let cursors = std::iter::once(("cursors".to_owned(), format!("{:?}", held.cursors)));
        agents.chain(plans).chain(keys).chain(cursors).collect()
    }

    /// Stops; gives what could be seen, all of which is on disk.
    fn stop(self) -> BTreeMap<String, String> {
        let seen = self.seen();
        self.cache.close();
        seen
    }

    fn failures(&self) -> u64 {
        self.applier.metrics().cache_failures.get()
    }
}

fn agent(id: &str, description: &str) -> wire::Change {
    let name = format!("organizations/default/agents/{id}");
    let upstreams = vec![config::Upstream { url: "http://agent.example".to_owned(), ..Default::default() }];
    let metadata = BTreeMap::from([("about".to_owned(), description.to_owned())]);
    let agent = config::Agent { name: name.clone(), upstreams, metadata, ..Default::default() };
    wire::Change { name, revision: 1, body: Some(Body::Agent(agent)) }
}

fn plan(id: &str) -> wire::Change {
    let name = format!("organizations/default/plans/{id}");
    let security = Some(config::plan::Security::ApiKey(config::ApiKeySecurity::default()));
    let plan = config::Plan { name: name.clone(), security, ..Default::default() };
    wire::Change { name, revision: 1, body: Some(Body::Plan(plan)) }
}

fn key_name(id: usize) -> String {
    format!("organizations/default/consumers/ada/subscriptions/s/apiKeys/k{id}")
}

fn key(id: usize) -> wire::Change {
    let mut digest = [0_u8; 16];
    digest[..8].copy_from_slice(&(id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let credential = wire::KeyCredential {
        digest: digest.to_vec().into(),
        plan: format!("organizations/default/plans/p{}", id % 3),
        consumer: "organizations/default/consumers/ada".to_owned(),
        expire_time: None,
    };
    wire::Change { name: key_name(id), revision: 1, body: Some(Body::Key(credential)) }
}

fn deleted(name: String) -> wire::Change {
    wire::Change { name, revision: 1, body: Some(Body::Deleted(wire::Deleted {})) }
}

fn settings(dir: &Path) -> CacheSettings {
    CacheSettings { dir: dir.join("cache"), key_file: None }
}

fn sealed(dir: &Path, byte: u8) -> CacheSettings {
    let key_file = dir.join(format!("key-{byte}"));
    std::fs::write(&key_file, hex::encode([byte; 32])).unwrap();
    CacheSettings { key_file: Some(key_file), ..settings(dir) }
}

/// A plane with a snapshot of some resources, and deltas behind it.
fn fill(plane: &Plane) {
    plane.push(Lane::Config, true, vec![plan("p0"), plan("p1"), agent("a", "first"), agent("b", "")]);
    plane.push(Lane::Credentials, true, (0..500).map(key).collect());
    plane.push(
        Lane::Config,
        false,
        vec![agent("a", "second"), deleted("organizations/default/agents/b".to_owned())],
    );
    plane.push(Lane::Credentials, false, vec![key(1_000), deleted(key_name(7))]);
}

#[test]
fn a_restart_finds_what_was_enforced() {
    for sealing in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let settings = if sealing { sealed(dir.path(), 3) } else { settings(dir.path()) };
        let plane = Plane::start(&settings);
        assert!(!plane.applier.handle().is_configured(), "nothing on disk");
        fill(&plane);
        let before = plane.stop();
        let plane = Plane::start(&settings);
        assert!(plane.applier.handle().is_configured());
        assert_eq!(plane.seen(), before);
        assert_eq!(plane.applier.pepper(), PEPPER);
        // It goes on from there, twice.
        plane.push(Lane::Credentials, false, vec![key(2_000)]);
        let before = plane.stop();
        assert_eq!(Plane::start(&settings).seen(), before, "sealing: {sealing}");
    }
}

#[test]
fn one_key_more_costs_one_record() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let plane = Plane::start(&settings);
    fill(&plane);
    plane.stop();
    let size = || {
        std::fs::metadata(log_path(&settings.dir, 2))
            .or(std::fs::metadata(log_path(&settings.dir, 1)))
            .unwrap()
            .len()
    };
    let before = size();
    let plane = Plane::start(&settings);
    plane.push(Lane::Credentials, false, vec![key(2_000)]);
    plane.stop();
    let grown = size() - before;
    assert!((1..400).contains(&grown), "{grown} bytes");
}

#[test]
fn a_log_that_is_cut_off_counts_up_to_there() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let plane = Plane::start(&settings);
    fill(&plane);
    let before = plane.stop();
    let plane = Plane::start(&settings);
    plane.push(Lane::Credentials, false, vec![key(2_000)]);
    plane.stop();
    let generation = super::generations(&settings.dir).unwrap()[0];
    let log = std::fs::OpenOptions::new().write(true).open(log_path(&settings.dir, generation)).unwrap();
    log.set_len(log.metadata().unwrap().len() - 5).unwrap();
    let plane = Plane::start(&settings);
    assert_eq!(plane.seen(), before);
    assert_eq!(plane.failures(), 1);
    // What comes now is written behind the whole part.
    plane.push(Lane::Credentials, false, vec![key(3_000)]);
    let before = plane.stop();
    let plane = Plane::start(&settings);
    assert_eq!((plane.seen(), plane.failures()), (before, 0));
}

#[test]
fn a_damaged_generation_is_replaced_by_the_one_before_and_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let plane = Plane::start(&settings);
    fill(&plane);
    plane.stop();
    let plane = Plane::start(&settings);
    let first = super::generations(&settings.dir).unwrap()[0];
    // Make the log long enough for another generation.
    for round in 0..24 {
        plane.push(
            Lane::Config,
            false,
            (0..50).map(|at| agent(&format!("x{at}"), &format!("{round:02}").repeat(2_000))).collect(),
        );
    }
    plane.push(Lane::Credentials, false, vec![key(9_000)]);
    let before = plane.stop();
    let newest = super::generations(&settings.dir).unwrap()[0];
    assert!(newest > first, "a new generation began");
    assert!(super::generations(&settings.dir).unwrap().len() <= 2, "older ones are gone");
    let path = snapshot_path(&settings.dir, newest);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let plane = Plane::start(&settings);
    assert_eq!(plane.seen(), before, "the older snapshot, its log, and the newer log");
    assert!(plane.failures() > 0);
    plane.push(Lane::Credentials, false, vec![key(9_001)]);
    let before = plane.stop();
    assert_eq!(Plane::start(&settings).seen(), before);
}

#[test]
fn another_key_or_setting_finds_nothing_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let right = sealed(dir.path(), 1);
    let plane = Plane::start(&right);
    fill(&plane);
    let before = plane.stop();
    let bytes = std::fs::read(snapshot_path(&right.dir, super::generations(&right.dir).unwrap()[0])).unwrap();
    assert!(!bytes.windows(4).any(|four| four == b"apiK"), "nothing can be read without the key");
    for wrong in [sealed(dir.path(), 2), settings(dir.path())] {
        let plane = Plane::start(&wrong);
        assert!(!plane.applier.handle().is_configured());
        assert!(plane.failures() > 0);
        plane.stop();
    }
    assert_eq!(Plane::start(&right).seen(), before);
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error_and_no_crash() {
    let dir = tempfile::tempdir().unwrap();
    let applier = Arc::new(Applier::new(Handle::new(), Site::default(), Arc::default()));
    std::fs::write(dir.path().join("file"), "").unwrap();
    let blocked = CacheSettings { dir: dir.path().join("file/cache"), key_file: None };
    assert!(matches!(Cache::open(&blocked, &applier), Err(CacheError::Directory { .. })));
    let used = settings(dir.path());
    let first = Cache::open(&used, &applier).unwrap();
    assert!(matches!(Cache::open(&used, &applier), Err(CacheError::InUse { .. })));
    first.close();
    let missing = CacheSettings { key_file: Some(dir.path().join("none")), ..used.clone() };
    assert!(matches!(Cache::open(&missing, &applier), Err(CacheError::Key { .. })));
    let short = CacheSettings { key_file: Some(dir.path().join("file")), ..used };
    assert!(matches!(Cache::open(&short, &applier), Err(CacheError::NotAKey { .. })));
}

#[test]
fn a_disk_that_takes_nothing_costs_a_counter() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    std::fs::create_dir_all(settings.dir.join("state.tmp")).unwrap();
    let plane = Plane::start(&settings);
    fill(&plane);
    let (applier, seen) = (Arc::clone(&plane.applier), plane.stop());
    assert!(applier.metrics().cache_failures.get() > 0);
    assert!(seen.len() > 500, "serving goes on");
    assert!(super::generations(&settings.dir).unwrap().is_empty());
}

#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let plane = Plane::start(&settings);
    fill(&plane);
    plane.stop();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&settings.dir), 0o700);
    for entry in std::fs::read_dir(&settings.dir).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens to the bytes, the data plane starts, with a state that it once had or with none.
    #[test]
    fn damage_never_crashes_and_never_makes_things_up(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path());
        let plane = Plane::start(&settings);
        plane.push(Lane::Config, true, vec![plan("p0"), agent("a", "first")]);
        plane.push(Lane::Credentials, true, (0..5).map(key).collect());
        let mut known = vec![plane.seen()];
        for round in 10..14 {
            plane.push(Lane::Credentials, false, vec![key(round)]);
            known.push(plane.seen());
        }
        plane.stop();
        for (file, at, byte, cut) in damage {
            let mut files: Vec<_> = std::fs::read_dir(&settings.dir).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            let path = file.get(&files);
            let mut bytes = std::fs::read(path).unwrap();
            if bytes.is_empty() { continue; }
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at); } else { bytes[at] = byte; }
            std::fs::write(path, bytes).unwrap();
        }
        let plane = Plane::start(&settings);
        let seen = plane.seen();
        prop_assert!(known.contains(&seen) || !plane.applier.handle().is_configured());
    }
}
