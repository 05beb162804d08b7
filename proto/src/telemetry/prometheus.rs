//! Prometheus text exposition format, version 0.0.4.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use super::{Desc, Family, HistogramReading, Kind, Reading, Sample};

/// The metric's name in Prometheus text: underscores, then the unit, then `_total` for a counter.
pub fn prometheus_name(desc: &Desc) -> String {
    let mut name = desc.name.replace('.', "_");
    let unit = match desc.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "",
    };
    if !name.ends_with(unit) {
        name.push_str(unit);
    }
    if desc.kind == Kind::Counter {
        name.push_str("_total");
    }
    name
}

/// Appends all readings to `out`. A metric without readings still says that it exists.
pub fn render(families: &[Family<'_>], out: &mut String) {
    for family in families {
        let name = prometheus_name(family.desc);
        let kind = match family.desc.kind {
            Kind::Counter => "counter",
            Kind::UpDown | Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", family.desc.help);
        for sample in &family.samples {
            render_sample(&name, family.desc, sample, out);
        }
    }
}

fn render_sample(name: &str, desc: &'static Desc, sample: &Sample<'_>, out: &mut String) {
    let labels = labels(desc, sample);
    let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _ = match &sample.reading {
        Reading::Count(count) => writeln!(out, "{name}{braces} {count}"),
        Reading::Level(level) => writeln!(out, "{name}{braces} {level}"),
        Reading::Fraction(fraction) => writeln!(out, "{name}{braces} {fraction}"),
        Reading::Histogram(reading) => {
            render_buckets(name, &labels, reading, out);
            let (sum, count) = (reading.sum, reading.count());
            writeln!(out, "{name}_sum{braces} {sum}\n{name}_count{braces} {count}")
        }
    };
}

fn render_buckets(name: &str, labels: &str, reading: &HistogramReading, out: &mut String) {
    let separator = if labels.is_empty() { "" } else { "," };
    let mut cumulated = 0;
    for (index, count) in reading.counts.iter().enumerate() {
        cumulated += count;
        let _ = match reading.bounds.get(index) {
            Some(bound) => writeln!(out, "{name}_bucket{{{labels}{separator}le=\"{bound}\"}} {cumulated}"),
            None => writeln!(out, "{name}_bucket{{{labels}{separator}le=\"+Inf\"}} {cumulated}"),
        };
    }
}

/// What stands between the braces.
fn labels(desc: &'static Desc, sample: &Sample<'_>) -> String {
    let mut text = String::new();
    for (label, value) in sample.labels(desc) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(label.prometheus);
        text.push_str("=\"");
        escape(value, &mut text);
        text.push('"');
    }
    text
}

fn escape(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            _ => out.push(character),
        }
    }
}
