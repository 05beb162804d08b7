//! What to write instead of a field or value that does not exist.

/// Names that differ by at most so many letters are offered instead.
const MAX_DISTANCE: usize = 2;

/// The parser's complaint, with the likely name in place of the list of all, or the list in one spelling.
pub(super) fn advise(message: &str) -> String {
    if message.contains("missing 's' suffix") {
        return "a duration is a number of seconds with an s, such as 15s or 0.5s".to_owned();
    }
    let Some((complaint, list)) = message.split_once(", expected one of ") else { return message.to_owned() };
    let wrong = complaint.split('`').nth(1).unwrap_or_default();
    // Each field is listed in both spellings; this is the one that the documentation uses.
    let names: Vec<&str> =
        list.split(", ").map(|name| name.trim_matches('`')).filter(|n| !is_snake(n)).collect();
    let near = names.iter().map(|name| (distance(wrong, name), name)).min();
    match near.filter(|(distance, _)| *distance <= MAX_DISTANCE && !wrong.is_empty()) {
        Some((_, name)) => format!("{complaint}; did you mean `{name}`?"),
        None => format!("{complaint}; known here: {}", names.join(", ")),
    }
}

/// Whether `name` is the second spelling of a field: values of enums are in capitals.
fn is_snake(name: &str) -> bool {
    name.contains('_') && name.chars().any(|char| char.is_ascii_lowercase())
}

/// Letters to insert, delete, replace or swap with their neighbour to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut best = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_likely_name_is_offered() {
        let message = "unknown field `displayNaem`, expected one of `name`, `display_name`, `displayName`";
        assert_eq!(advise(message), "unknown field `displayNaem`; did you mean `displayName`?");
    }

    #[test]
    fn far_from_everything_the_names_are_listed_once() {
        let message = "unknown field `x-color`, expected one of name, display_name, displayName";
        assert_eq!(advise(message), "unknown field `x-color`; known here: name, displayName");
        let values = "unknown variant `X`, expected one of `AGENT_STATE_SAVED`, `AGENT_STATE_STOPPED`";
        assert_eq!(advise(values), "unknown variant `X`; known here: AGENT_STATE_SAVED, AGENT_STATE_STOPPED");
        assert_eq!(advise("something else"), "something else");
        assert!(advise("missing 's' suffix").contains("15s"));
    }

    proptest! {
        #[test]
        fn distances_are_distances(a in "[a-c]{0,6}", b in "[a-c]{0,6}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert!(distance(&a, &b) <= a.len().max(b.len()));
        }

        #[test]
        fn any_message_can_be_read(message in "\\PC{0,40}(, expected one of \\PC{0,40})?") {
            let _ = advise(&message);
        }
    }
}
