use super::*;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

#[test]
fn the_same_ca_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let first = Ca::load_or_create(directory.path(), now()).unwrap();
    let second = Ca::load_or_create(directory.path(), now()).unwrap();
    assert_eq!(first.fingerprint(), second.fingerprint());
    let text = std::fs::read_to_string(directory.path().join(FINGERPRINT_FILE)).unwrap();
    assert_eq!(text.parse(), Ok(first.fingerprint()));
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    Ca::load_or_create(directory.path(), now()).unwrap();
    let mode = |name| std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(KEY_FILE), 0o600);
    assert_eq!(mode(CERTIFICATE_FILE), 0o644);
}

#[test]
fn a_crash_before_the_certificate_is_written_leaves_no_ca() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(KEY_FILE), "half a k").unwrap();
    Ca::load_or_create(directory.path(), now()).unwrap();
}

#[test]
fn damaged_files_are_refused_and_named() {
    let directory = tempfile::tempdir().unwrap();
    Ca::load_or_create(directory.path(), now()).unwrap();
    let other = tempfile::tempdir().unwrap();
    Ca::load_or_create(other.path(), now()).unwrap();
    std::fs::copy(other.path().join(KEY_FILE), directory.path().join(KEY_FILE)).unwrap();
    let error = Ca::load_or_create(directory.path(), now()).unwrap_err();
    assert!(matches!(&error, CaError::Damaged { path } if path.ends_with(KEY_FILE)), "{error}");
    std::fs::remove_file(directory.path().join(KEY_FILE)).unwrap();
    let error = Ca::load_or_create(directory.path(), now()).unwrap_err();
    assert!(matches!(&error, CaError::File { path, .. } if path.ends_with(KEY_FILE)), "{error}");
    std::fs::write(directory.path().join(CERTIFICATE_FILE), "-----BEGIN").unwrap();
    let error = Ca::load_or_create(directory.path(), now()).unwrap_err();
    assert!(matches!(&error, CaError::Damaged { path } if path.ends_with(CERTIFICATE_FILE)), "{error}");
}
