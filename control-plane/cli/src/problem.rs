//! What is wrong with a manifest, shown at its lines.

use signalbox_proto::manifest::{Document, Problems};
use tonic::Status;

use crate::exit::{Code, Failure, violations};

/// Problems of the file called `name`, each with the offending line.
pub(crate) fn failure(name: &str, problems: &Problems) -> Failure {
    let mut text = String::new();
    for (index, problem) in problems.0.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&format!("{name}: {problem}"));
        if !problem.excerpt.is_empty() {
            text.push('\n');
            text.push_str(&problem.excerpt);
        }
    }
    Failure::new(Code::Invalid, text)
}

/// What the control plane found wrong, shown in the file where it is about fields of it.
pub(crate) fn refused(name: &str, document: &Document, status: Status) -> Failure {
    let found = violations(&status);
    let ours: Vec<(&str, &str)> = found
        .iter()
        .filter_map(|(field, text)| Some((field.strip_prefix("manifest.")?, text.as_str())))
        .collect();
    if ours.is_empty() || ours.len() < found.len() {
        return Failure::from(status);
    }
    Failure { code: Failure::from(status).code, ..failure(name, &document.explain(ours.into_iter())) }
}
