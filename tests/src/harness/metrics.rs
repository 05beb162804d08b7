//! The Prometheus text of an admin listener.

use std::{collections::BTreeMap, net::SocketAddr};

use super::http;

/// One reading of all metrics.
pub struct Metrics {
    samples: Vec<Sample>,
}

struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Reads the metrics of an admin listener.
    #[must_use]
    pub fn read(admin: SocketAddr) -> Self {
        let answer = http::get(admin, "/metrics", &[("connection", "close")]);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        Self::parse(&answer.text())
    }

    /// Parses the text format.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { samples: lines.map(sample).collect() }
    }

    /// The sum over all samples of a name whose labels include those given.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let chosen = self.samples.iter().filter(|sample| sample.name == name);
        chosen.filter(|sample| sample.has(labels)).map(|sample| sample.value).sum()
    }

    /// The names that there are, for messages.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.samples.iter().map(|sample| sample.name.as_str()).collect();
        names.dedup();
        names
    }
}

impl Sample {
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.labels.get(*name).is_some_and(|known| known == value))
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line:?}"));
    Sample { name: name.to_owned(), labels: parse_labels(labels.trim_end_matches('}')), value }
}

fn parse_labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once("=\"") {
        let end = closing_quote(after);
        labels.insert(name.trim_start_matches(',').to_owned(), after[..end].to_owned());
        rest = after.get(end + 1..).unwrap_or_default();
    }
    labels
}

fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => return at,
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    text.len()
}
