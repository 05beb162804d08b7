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
    if let Reading::Histogram(reading) = &sample.reading {
        return render_histogram(name, desc, sample, reading, out);
    }
    out.push_str(name);
    labels(desc, sample, None, out);
    let _ = match &sample.reading {
        Reading::Count(count) => writeln!(out, " {count}"),
        Reading::Level(level) => writeln!(out, " {level}"),
        Reading::Fraction(fraction) => writeln!(out, " {fraction}"),
        Reading::Histogram(_) => Ok(()),
    };
}

fn render_histogram(
    name: &str,
    desc: &'static Desc,
    sample: &Sample<'_>,
    reading: &HistogramReading,
    out: &mut String,
) {
    let mut cumulated = 0;
    for (index, count) in reading.counts.iter().enumerate() {
        cumulated += count;
        let bound = reading.bounds.get(index).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
        out.push_str(name);
        out.push_str("_bucket");
        labels(desc, sample, Some(&bound), out);
        let _ = writeln!(out, " {cumulated}");
    }
    for (suffix, value) in [("_sum", reading.sum.to_string()), ("_count", cumulated.to_string())] {
        out.push_str(name);
        out.push_str(suffix);
        labels(desc, sample, None, out);
        let _ = writeln!(out, " {value}");
    }
}

fn labels(desc: &'static Desc, sample: &Sample<'_>, bound: Option<&str>, out: &mut String) {
    let pairs = sample.labels(desc).map(|(label, value)| (label.prometheus, value));
    let mut separator = '{';
    for (name, value) in pairs.chain(bound.map(|bound| ("le", bound))) {
        out.push(separator);
        separator = ',';
        out.push_str(name);
        out.push_str("=\"");
        escape(value, out);
        out.push('"');
    }
    if separator == ',' {
        out.push('}');
    }
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
