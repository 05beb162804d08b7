//! Rust source as the rules see it: comments and literals blanked, tests marked, positions kept.

mod mask;
#[cfg(test)]
mod tests;

use std::ops::Range;

/// One source file.
pub(crate) struct Source {
    /// Path from the top of the repository, with forward slashes.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// The same bytes with comments and the inside of literals turned to spaces, so that offsets agree with `text`.
    pub(crate) code: String,
    tests: Vec<Range<usize>>,
    /// Whether another file declares this one, or a folder it is in, as a module of tests.
    declared_test: bool,
}

impl Source {
    /// Reads one file.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = mask::mask(text);
        let tests = test_items(&code);
        Self { path: path.to_owned(), text: text.to_owned(), code, tests, declared_test: false }
    }

    /// Number of lines.
    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Line number, from 1, of a byte offset.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Whether the whole file is test code: declared so, a `tests` module or folder, a bench or a fuzz target.
    pub(crate) fn is_test_file(&self) -> bool {
        if self.declared_test {
            return true;
        }
        let mut parts = self.path.split('/');
        parts.any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "fuzz")) && !self.is_test_binary()
    }

    /// Whether the byte offset lies in test code.
    pub(crate) fn in_test(&self, offset: usize) -> bool {
        self.is_test_file() || self.tests.iter().any(|range| range.contains(&offset))
    }

    /// The programs of the `system-tests` package are held to the rules of any program.
    fn is_test_binary(&self) -> bool {
        self.path.starts_with("tests/src/bin/") && !self.path.ends_with("/tests.rs")
    }

    /// Paths without `.rs` of the modules that this file declares for tests alone.
    fn declared_test_modules(&self) -> impl Iterator<Item = String> {
        let folder =
            ["/mod.rs", "/lib.rs", "/main.rs", ".rs"].iter().find_map(|end| self.path.strip_suffix(end));
        let items = self.tests.iter().map(|range| self.code[range.clone()].trim_end());
        items.filter_map(move |item| {
            let name = item.strip_suffix(';')?.rsplit_once("mod ")?.1;
            name.chars().all(is_identifier).then(|| format!("{}/{name}", folder.unwrap_or_default()))
        })
    }

    /// Every identifier and keyword of the code with its offset.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        words(&self.code)
    }
}

/// Marks the files that others declare as modules of tests.
pub(crate) fn mark_test_modules(sources: &mut [Source]) {
    let modules: Vec<_> = sources.iter().flat_map(Source::declared_test_modules).collect();
    for source in sources {
        source.declared_test = modules.iter().any(|module| {
            source
                .path
                .strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
    }
}

/// Every identifier and keyword of `code` with its offset.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_identifier)?;
        let end = code[start..].find(|c| !is_identifier(c)).map_or(code.len(), |length| start + length);
        at = end;
        Some((start, &code[start..end]))
    })
}

/// Whether a character can be part of an identifier.
pub(crate) fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Offset just after the item or statement that starts at `from` (attributes before it included).
///
/// An item ends with its closing brace or with a semicolon outside any bracket; an unmatched closing bracket ends it too.
pub(crate) fn item_end(code: &str, from: usize) -> usize {
    let bytes = code.as_bytes();
    let mut depth = 0_usize;
    for (offset, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => return offset,
            b')' | b']' | b'}' => depth -= 1,
            b';' if depth == 0 => return offset + 1,
            _ => continue,
        }
        if *byte == b'}' && depth == 0 && !continues(&code[offset + 1..]) {
            return offset + 1;
        }
    }
    code.len()
}

/// Whether what follows a closing brace still belongs to the same expression.
fn continues(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with(['.', '?', ';', ',', ')']) || rest.starts_with("else")
}

fn test_items(code: &str) -> Vec<Range<usize>> {
    const MARKS: [&str; 4] = ["#[cfg(test)]", "#[cfg(all(test", "#[test]", "#[tokio::test"];
    let mut ranges = Vec::new();
    for mark in MARKS {
        ranges.extend(code.match_indices(mark).map(|(start, _)| start..item_end(code, start)));
    }
    ranges
}
