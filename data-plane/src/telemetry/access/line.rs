//! One record as one line.

#[cfg(test)]
mod tests;

use super::{
    AccessRecord,
    fields::{Visit, visit},
    json::Members,
    stamp::Stamp,
};
use crate::telemetry::names;

/// The end of every line.
pub(super) fn suffix(region: &str, data_plane: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let mut members = Members::new(&mut text);
    for (field, value) in [(&names::REGION, region), (&names::DATA_PLANE, data_plane)] {
        if !value.is_empty() {
            members.text(field, value);
        }
    }
    text.extend_from_slice(b"}\n");
    text
}

/// Appends the line of `record`.
pub(super) fn write(text: &mut Vec<u8>, stamp: &mut Stamp, record: &AccessRecord<'_>, suffix: &[u8]) {
    text.extend_from_slice(b"{\"time\":\"");
    text.extend_from_slice(stamp.format(record.time));
    text.push(b'"');
    let mut members = Members::new(text);
    visit(record, &mut members);
    if let Some(trace) = &record.trace {
        let header = trace.to_bytes();
        members.plain(&names::TRACE_ID, &header[3..35]);
        members.plain(&names::SPAN_ID, &header[36..52]);
    }
    text.extend_from_slice(suffix);
}
