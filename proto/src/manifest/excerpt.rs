//! The offending line with a caret below it.

use std::fmt::Write as _;

use super::locate::Position;

/// Longest part of a line that is shown, in characters.
const WIDTH: usize = 100;

/// The line at `position` and the one before it, numbered, with a caret under the column.
pub(super) fn excerpt(text: &str, position: Position) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let Some(line) = lines.get(position.line.saturating_sub(1)) else { return String::new() };
    let column = position.column.saturating_sub(1);
    // A long line is cut on the left so that the caret stays in view.
    let skip = column.saturating_sub(WIDTH / 2) * usize::from(line.chars().count() > WIDTH);
    let shown: String = line.chars().skip(skip).take(WIDTH).map(visible).collect();
    let number = position.line.to_string();
    let margin = " ".repeat(number.len());
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{margin} |");
    if let Some(before) =
        position.line.checked_sub(2).and_then(|index| lines.get(index)).filter(|_| skip == 0)
    {
        let before: String = before.chars().take(WIDTH).map(visible).collect();
        let _ = writeln!(out, "{:>width$} | {before}", position.line - 1, width = number.len());
    }
    let _ = writeln!(out, "{number} | {shown}");
    let _ = write!(out, "{margin} | {}^", " ".repeat(column.saturating_sub(skip).min(WIDTH)));
    out
}

/// Tabs become single spaces and control characters become visible, so that the caret is right and a terminal safe.
fn visible(char: char) -> char {
    match char {
        '\t' => ' ',
        char if char.is_control() => '\u{fffd}',
        char => char,
    }
}
