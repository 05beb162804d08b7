use super::*;

#[test]
fn values_are_shown_with_their_largest_whole_unit() {
    let shown = |unit: Unit, value| unit.show(value);
    assert_eq!(shown(Unit::Milliseconds, 15_000), "15 s");
    assert_eq!(shown(Unit::Milliseconds, 1_500), "1500 ms");
    assert_eq!(shown(Unit::Milliseconds, 31 * DAY), "31 d");
    assert_eq!(shown(Unit::Bytes, 8 << 20), "8 MiB");
    assert_eq!(shown(Unit::Bytes, 63), "63 bytes");
}

#[test]
fn defaults_lie_in_their_range() {
    for bound in ALL {
        assert!(bound.min <= bound.max, "{}", bound.name);
        assert!(bound.default.is_none_or(|value| bound.contains(value)), "{}", bound.name);
    }
}

/// `UPDATE_DOCS=1 cargo test -p signalbox-proto limits` rewrites the table.
#[test]
fn docs_limits_is_current() {
    const BEGIN: &str = "<!-- model limits: made from proto/src/model/bound.rs -->\n";
    const END: &str = "<!-- end of model limits -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/limits.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("docs/limits.md marks where the table begins");
    let (current, after) = rest.split_once(END).expect("docs/limits.md marks where the table ends");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert_eq!(
        current,
        table(),
        "docs/limits.md is stale: run UPDATE_DOCS=1 cargo test -p signalbox-proto limits"
    );
}
