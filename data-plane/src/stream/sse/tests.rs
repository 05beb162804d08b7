use proptest::prelude::*;

use super::*;

/// The standard's own algorithm, over a whole stream: data of the dispatched events, and the offsets at which the
/// stream stands between two events.
fn reference(stream: &[u8]) -> (Vec<Vec<u8>>, Vec<usize>) {
    let mut events = Vec::new();
    let mut boundaries = Vec::new();
    let mut position = if stream.starts_with(BYTE_ORDER_MARK) { 3 } else { 0 };
    let (mut data, mut has_field): (Option<Vec<u8>>, bool) = (None, false);
    while let Some(length) = stream[position..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = &stream[position..position + length];
        position += length + 1;
        if line.is_empty() {
            has_field = false;
            events.extend(data.take());
        } else if line[0] != b':' {
            has_field = true;
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let value = line.get(colon + 1..).unwrap_or(b"");
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if &line[..colon] == b"data" {
                match &mut data {
                    None => data = Some(value.to_vec()),
                    Some(data) => {
                        data.push(b'\n');
                        data.extend_from_slice(value);
                    }
                }
            }
        }
        if !has_field {
            boundaries.push(position);
        }
        if stream[position - 1] == b'\r' && stream.get(position) == Some(&b'\n') {
            position += 1;
            if !has_field {
                boundaries.push(position);
            }
        }
    }
    (events, boundaries)
}

/// Feeds the chunks and returns the number of events and every last boundary of a chunk, as stream offsets.
fn feed(chunks: &[&[u8]]) -> (u32, Vec<usize>) {
    let mut splitter = Splitter::new();
    let (mut events, mut boundaries, mut offset) = (0, Vec::new(), 0);
    for chunk in chunks {
        let progress = splitter.feed(chunk);
        events += progress.events;
        boundaries.extend(progress.boundary.map(|length| offset + length));
        offset += chunk.len();
    }
    (events, boundaries)
}

#[test]
fn an_event_ends_at_the_blank_line_of_any_kind() {
    for stream in ["data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", "data\n\n", "event: x\ndata:\n\n"] {
        let (events, boundaries) = feed(&[stream.as_bytes()]);
        assert_eq!((events, boundaries), (1, vec![stream.len()]), "{stream:?}");
    }
}

#[test]
fn an_event_end_split_over_chunks_is_found() {
    let (events, boundaries) = feed(&[b"data: a\r", b"\n", b"\r", b"\n", b"data: b"]);
    // After the second CR the blank line is complete; the LF that follows belongs to it.
    assert_eq!((events, boundaries), (1, vec![10, 11]));
}

#[test]
fn comments_between_events_leave_the_boundary_and_those_inside_do_not_make_one() {
    assert_eq!(feed(&[b": ping\n"]), (0, vec![7]));
    assert_eq!(feed(&[b"data: a\n: ping\n"]), (0, vec![]));
    assert_eq!(feed(&[b"data: a\n: ping\n\n"]), (1, vec![16]));
}

#[test]
fn fields_other_than_data_make_no_event() {
    assert_eq!(feed(&[b"id: 1\nretry: 5\n\n"]), (0, vec![16]));
    assert_eq!(feed(&[b"database: 1\n\n"]), (0, vec![13]));
}

#[test]
fn a_byte_order_mark_opens_only_the_stream() {
    assert_eq!(feed(&[b"\xef\xbb", b"\xbfdata: a\n\n"]), (1, vec![12]));
    assert_eq!(feed(&[b"\n\xef\xbb\xbfdata: a\n\n"]).0, 0);
}

#[test]
fn several_data_lines_are_joined() {
    let mut seen = Vec::new();
    for_each_event(b"data: a\ndata:b\r\ndata\n\n:c\ndata: {\"x\":1}\n\ndata: unfinished\n", |data| {
        seen.push(String::from_utf8(data.to_vec()).unwrap());
    });
    assert_eq!(seen, ["a\nb\n", "{\"x\":1}"]);
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&'static [u8]; 10] =
        [b"\n", b"\r", b"\r\n", b"data", b"data: x", b": c", b"event: y", b"\xef\xbb\xbf", b"dat", b" "];
    let piece = proptest::sample::select(pieces.to_vec());
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn chunking_changes_nothing(stream in stream(), cuts in proptest::collection::vec(0..200usize, 0..12)) {
        let (events, boundaries) = reference(&stream);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let (events_fed, boundaries_fed) = feed(&chunks);
        prop_assert_eq!(events_fed as usize, events.len());
        for boundary in &boundaries_fed {
            prop_assert!(boundaries.contains(boundary), "{} is inside an event", boundary);
        }
        // The last boundary of every chunk is reported.
        for cut in cuts.windows(2) {
            let last = boundaries.iter().rev().find(|boundary| (cut[0] + 1..=cut[1]).contains(boundary));
            prop_assert!(last.is_none_or(|last| boundaries_fed.contains(last)));
        }
        let mut seen = Vec::new();
        for_each_event(&stream, |data| seen.push(data.to_vec()));
        prop_assert_eq!(seen, events);
    }

    #[test]
    fn a_comment_at_any_boundary_changes_no_event(stream in stream(), choice in any::<prop::sample::Index>()) {
        let (events, boundaries) = reference(&stream);
        prop_assume!(!boundaries.is_empty());
        let at = boundaries[choice.index(boundaries.len())];
        let with_heartbeat = [&stream[..at], b":\n\n", &stream[at..]].concat();
        prop_assert_eq!(reference(&with_heartbeat).0, events);
    }
}
