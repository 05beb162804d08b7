//! Blanks comments and literals, so that rules about code do not read prose.

/// Returns `text` with comments and literals turned to spaces; line breaks and all offsets stay.
pub(super) fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let Some(end) = opaque_end(text, at) else {
            at += 1;
            continue;
        };
        for byte in masked[at..end].iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        at = end;
    }
    // Whole characters are blanked, so what is left is UTF-8 still.
    String::from_utf8_lossy(&masked).into_owned()
}

/// Offset after the comment or literal that starts at `at`, if one does.
fn opaque_end(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    match rest {
        [b'/', b'/', ..] => Some(line_end(rest) + at),
        [b'/', b'*', ..] => Some(block_comment_end(rest) + at),
        [b'"', ..] => Some(string_end(rest) + at),
        [b'r', ..] if !follows_identifier(text, at) => raw_string_end(rest).map(|length| length + at),
        [b'\'', ..] => char_end(&text[at..]).map(|length| length + at),
        _ => None,
    }
}

fn line_end(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn block_comment_end(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn string_end(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"` and `r#"…"#`; the prefixes `b` and `c` before the `r` need no care. `r#name` is no string.
fn raw_string_end(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    let open = 1 + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let body = &rest[open + 1..];
    let close = (0..body.len()).find(|at| {
        body[*at] == b'"'
            && body[at + 1..].iter().take(hashes).filter(|byte| **byte == b'#').count() == hashes
    });
    Some(close.map_or(rest.len(), |at| open + 1 + at + 1 + hashes))
}

/// A character literal, told from a lifetime by its closing quote.
fn char_end(rest: &str) -> Option<usize> {
    let mut inside = rest[1..].char_indices();
    match inside.next()? {
        (_, '\\') => {
            let after_escape = 1 + inside.nth(1)?.0;
            rest[after_escape..].find('\'').map(|at| after_escape + at + 1)
        }
        _ => {
            let (offset, next) = inside.next()?;
            (next == '\'').then_some(1 + offset + 1)
        }
    }
}

/// Whether an identifier character other than the literal prefixes `b` and `c` stands before `at`.
fn follows_identifier(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches(['b', 'c']);
    let prefix = at - before.len();
    prefix > 1 || before.ends_with(super::is_identifier)
}
