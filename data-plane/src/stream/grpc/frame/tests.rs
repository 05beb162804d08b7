use proptest::prelude::*;

use super::{Frame, FrameError, PREFIX_BYTES, Progress, Splitter, for_each_message, prefix, single};

const LIMIT: u32 = 1 << 20;

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.extend_from_slice(&prefix(message.len()).unwrap());
        bytes.extend_from_slice(message);
    }
    bytes
}

#[test]
fn finds_messages_in_one_chunk() {
    let bytes = framed(&[b"one".to_vec(), Vec::new(), b"three".to_vec()]);
    let mut splitter = Splitter::new(LIMIT);
    let progress = splitter.feed(&bytes).unwrap();
    assert_eq!(progress, Progress { messages: 3, first_boundary: 8, boundary: Some(bytes.len()) });
    assert!(splitter.is_at_boundary());
}

#[test]
fn waits_inside_a_prefix_and_inside_a_message() {
    let bytes = framed(&[b"message".to_vec()]);
    let mut splitter = Splitter::new(LIMIT);
    for piece in [&bytes[..2], &bytes[2..7]] {
        assert_eq!(splitter.feed(piece), Ok(Progress::default()));
        assert!(!splitter.is_at_boundary());
    }
    assert_eq!(splitter.feed(&[]), Ok(Progress::default()));
    let last = splitter.feed(&bytes[7..]).unwrap();
    assert_eq!(last, Progress { messages: 1, first_boundary: 5, boundary: Some(5) });
}

#[test]
fn refuses_flags_and_lengths() {
    let mut splitter = Splitter::new(10);
    assert_eq!(splitter.feed(&[2, 0, 0, 0, 0]), Err(FrameError::Flag(2)));
    let mut splitter = Splitter::new(10);
    let too_long = FrameError::TooLong { length: 11, limit: 10 };
    assert_eq!(splitter.feed(&[0, 0, 0, 0, 11]), Err(too_long));
    assert_eq!(single(&[0, 0, 0, 0, 11], 10), Err(too_long));
    assert_eq!(single(&[7], 10), Err(FrameError::Flag(7)));
}

#[test]
fn a_unary_body_is_one_message() {
    let body = framed(&[b"abc".to_vec()]);
    assert_eq!(single(&body, LIMIT), Ok(Frame { is_compressed: false, message: b"abc" }));
    assert_eq!(single(&[1, 0, 0, 0, 0], LIMIT), Ok(Frame { is_compressed: true, message: b"" }));
    assert_eq!(single(&[], LIMIT), Err(FrameError::Missing));
    assert_eq!(single(&body[..6], LIMIT), Err(FrameError::Incomplete));
    assert_eq!(single(&body[..3], LIMIT), Err(FrameError::Incomplete));
    assert_eq!(single(&[&body[..], &body[..]].concat(), LIMIT), Err(FrameError::Several));
    assert_eq!(single(&[&body[..], &[0]].concat(), LIMIT), Err(FrameError::Several));
}

proptest! {
    #[test]
    fn chunks_change_nothing(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = framed(&messages);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut ends = Vec::new();
        let mut end = 0;
        for message in &messages {
            end += PREFIX_BYTES + message.len();
            ends.push(end);
        }
        let mut splitter = Splitter::new(LIMIT);
        for pair in cuts.windows(2) {
            let progress = splitter.feed(&bytes[pair[0]..pair[1]]).unwrap();
            let inside: Vec<usize> =
                ends.iter().filter(|end| **end > pair[0] && **end <= pair[1]).map(|end| end - pair[0]).collect();
            prop_assert_eq!(progress.messages as usize, inside.len());
            prop_assert_eq!(progress.first_boundary, inside.first().copied().unwrap_or(0));
            prop_assert_eq!(progress.boundary, inside.last().copied());
            prop_assert_eq!(splitter.is_at_boundary(), pair[1] == 0 || ends.contains(&pair[1]));
        }
        let mut seen = Vec::new();
        for_each_message(&bytes, LIMIT, |frame| seen.push(frame.message.to_vec()));
        prop_assert_eq!(seen, messages);
    }

    #[test]
    fn any_bytes_are_read_alike_in_one_piece_and_byte_by_byte(bytes in prop::collection::vec(0..3_u8, 0..60)) {
        let mut whole = Splitter::new(300);
        let at_once = whole.feed(&bytes);
        let mut splitter = Splitter::new(300);
        let mut messages = 0;
        let mut failure = None;
        for byte in bytes.chunks(1) {
            match splitter.feed(byte) {
                Ok(progress) => messages += progress.messages,
                Err(error) => { failure = Some(error); break; }
            }
        }
        match (at_once, failure) {
            (Ok(progress), None) => {
                prop_assert_eq!(progress.messages, messages);
                prop_assert_eq!(whole.is_at_boundary(), splitter.is_at_boundary());
            }
            (Err(one), Some(other)) => prop_assert_eq!(one, other),
            (one, other) => prop_assert!(false, "{:?} and {:?}", one, other),
        }
    }
}
