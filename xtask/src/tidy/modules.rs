//! In the data plane, leaf modules know neither one another nor the pipeline that calls them.

#[cfg(test)]
mod tests;

use super::{
    Violation,
    source::{Source, is_identifier, words},
};

const RULE: &str = "leaf-modules";
const LEAVES: [&str; 8] = ["route", "auth", "limit", "a2a", "permit", "ownership", "stream", "upstream"];
const PIPELINE: &str = "pipeline";
const SOURCE_ROOT: &str = "data-plane/src/";

/// Checks every path of every leaf module that starts at the crate's root.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Violation> {
    let Some(leaf) = leaf_of(&source.path) else { return Vec::new() };
    root_references(source)
        .into_iter()
        .filter(|(_, module)| *module != leaf && (LEAVES.contains(module) || *module == PIPELINE))
        .map(|(offset, module)| {
            let message =
                format!("`{leaf}` names `{module}`: leaf modules receive what they need from the pipeline");
            Violation::new(&source.path, source.line(offset), RULE, message)
        })
        .collect()
}

/// The leaf module that a file belongs to.
fn leaf_of(path: &str) -> Option<&str> {
    let module = path.strip_prefix(SOURCE_ROOT)?.split('/').next()?;
    let module = module.strip_suffix(".rs").unwrap_or(module);
    LEAVES.contains(&module).then_some(module)
}

/// How many modules lie between a file's own module and the crate's root.
fn depth(path: &str) -> usize {
    let inner = path.strip_prefix(SOURCE_ROOT).unwrap_or(path);
    let inner = inner.strip_suffix("/mod.rs").or_else(|| inner.strip_suffix(".rs")).unwrap_or(inner);
    inner.split('/').count()
}

/// Every module of the crate's root that the file names, with the offset of the path.
fn root_references(source: &Source) -> Vec<(usize, &str)> {
    let root = "super::".repeat(depth(&source.path));
    let mut found = Vec::new();
    for prefix in ["crate::", root.as_str()] {
        for (offset, _) in source.code.match_indices(prefix) {
            let part_of_longer = source.code[..offset].ends_with(|c| is_identifier(c) || c == ':');
            if !part_of_longer {
                let rest = &source.code[offset + prefix.len()..];
                found.extend(first_segments(rest).into_iter().map(|segment| (offset, segment)));
            }
        }
    }
    found
}

/// The first segment of a path, or of each path of a group: `{a::b, c}` names `a` and `c`.
fn first_segments(rest: &str) -> Vec<&str> {
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        return words(rest).next().map(|(_, word)| word).into_iter().collect();
    };
    let mut segments = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                segments.extend(words(&group[start..at]).next().map(|(_, word)| word));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    segments
}
