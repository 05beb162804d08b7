//! Some names are spoken in one place only: the database, the telemetry library, sockets, time in the model.

#[cfg(test)]
mod tests;

use super::{Violation, source::Source};

/// Names that only some places may speak.
struct Reserved {
    rule: &'static str,
    /// Identifiers; a trailing `*` stands for any rest.
    names: &'static [&'static str],
    /// Path prefixes to which the rule applies.
    within: &'static [&'static str],
    /// Path prefixes, without `.rs`, that may speak the names.
    except: &'static [&'static str],
    tests_too: bool,
    why: &'static str,
}

const RESERVED: [Reserved; 4] = [
    Reserved {
        rule: "sqlx-in-store",
        names: &["sqlx"],
        within: &[""],
        except: &["control-plane/src/store/sqlite", "control-plane/src/store/postgres"],
        tests_too: true,
        why: "the database is named in control-plane/src/store/{sqlite,postgres} alone",
    },
    Reserved {
        rule: "opentelemetry-in-telemetry",
        names: &["opentelemetry*", "tracing_opentelemetry"],
        within: &["data-plane/", "control-plane/", "proto/", "xtask/"],
        except: &["data-plane/src/telemetry", "control-plane/src/telemetry", "proto/src/telemetry"],
        tests_too: false,
        why: "opentelemetry is named in the telemetry modules alone",
    },
    Reserved {
        rule: "sockets-in-net",
        names: &[
            "TcpStream",
            "TcpListener",
            "TcpSocket",
            "UdpSocket",
            "UnixStream",
            "UnixListener",
            "socket2",
        ],
        within: &["data-plane/", "control-plane/src/", "proto/"],
        except: &["data-plane/src/net", "data-plane/src/upstream", "control-plane/src/net"],
        tests_too: false,
        why: "sockets are opened by net and upstream; others receive connectors from them",
    },
    Reserved {
        rule: "pure-model",
        names: &["tokio", "async", "await", "Instant", "TcpStream", "TcpListener", "UdpSocket"],
        within: &["proto/src/model"],
        except: &[],
        tests_too: true,
        why: "the model has no I/O, no async and no clock",
    },
];

/// Paths of the standard library that the model may not use; it may hold times that it was given.
const IMPURE_PATHS: [&str; 5] = ["std::fs", "std::env", "std::process", "std::thread", "SystemTime::now"];

/// Checks every reserved name.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    let names = RESERVED.iter().flat_map(|reserved| sources.iter().flat_map(|source| reserved.check(source)));
    names.chain(sources.iter().flat_map(impure_paths)).collect()
}

impl Reserved {
    fn check(&self, source: &Source) -> Vec<Violation> {
        if !self.applies_to(&source.path) {
            return Vec::new();
        }
        source
            .words()
            .filter(|(offset, word)| self.reserves(word) && (self.tests_too || !source.in_test(*offset)))
            .map(|(offset, word)| {
                Violation::new(
                    &source.path,
                    source.line(offset),
                    self.rule,
                    format!("`{word}`: {}", self.why),
                )
            })
            .collect()
    }

    fn applies_to(&self, path: &str) -> bool {
        let within = self.within.iter().any(|prefix| path.starts_with(prefix));
        within && !self.except.iter().any(|module| is_in_module(path, module))
    }

    fn reserves(&self, word: &str) -> bool {
        self.names.iter().any(|name| match name.strip_suffix('*') {
            Some(prefix) => word.starts_with(prefix),
            None => word == *name,
        })
    }
}

/// Whether a file is `module.rs` or lies in the folder `module/`.
fn is_in_module(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn impure_paths(source: &Source) -> Vec<Violation> {
    if !is_in_module(&source.path, "proto/src/model") {
        return Vec::new();
    }
    let found = IMPURE_PATHS.iter().flat_map(|path| source.code.match_indices(path));
    // A test may compare the model with a page of the documentation.
    found
        .filter(|(offset, _)| !source.in_test(*offset))
        .map(|(offset, path)| {
            let message = format!("`{path}`: the model has no I/O, no async and no clock");
            Violation::new(&source.path, source.line(offset), "pure-model", message)
        })
        .collect()
}
