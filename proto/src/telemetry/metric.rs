//! Metrics as a table of descriptions, plain atomics, and readings of them.

#[cfg(test)]
mod tests;

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::prometheus_name;

/// Most labels of one metric.
pub const LABELS_MAX: usize = 4;

/// What a metric is. One table of these is the only place where a plane names its metrics.
#[derive(Debug)]
pub struct Desc {
    /// OpenTelemetry name: dotted, of the semantic conventions where they have one.
    pub name: &'static str,
    /// UCUM unit, `{thing}` for a count of things.
    pub unit: &'static str,
    /// How readings add up.
    pub kind: Kind,
    /// One sentence for people.
    pub help: &'static str,
    /// What the metric is broken down by; at most [`LABELS_MAX`].
    pub labels: &'static [Label],
}

/// How the readings of a metric add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Sums over processes, rises and falls: open things.
    UpDown,
    /// A value that means nothing when summed.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// One dimension of a metric.
#[derive(Debug)]
pub struct Label {
    /// Attribute name over OTLP.
    pub attribute: &'static str,
    /// Label name in Prometheus text.
    pub prometheus: &'static str,
}

/// All readings of one metric.
#[derive(Debug)]
pub struct Family<'a> {
    /// What is read.
    pub desc: &'static Desc,
    /// One reading for each combination of label values that has occurred.
    pub samples: Vec<Sample<'a>>,
}

impl<'a> Family<'a> {
    /// A metric without readings yet.
    pub fn new(desc: &'static Desc) -> Self {
        Self { desc, samples: Vec::new() }
    }

    /// Adds a reading; `labels` are in the order of the description.
    pub fn push(&mut self, labels: &[&'a str], reading: Reading) {
        debug_assert_eq!(labels.len(), self.desc.labels.len(), "{}", self.desc.name);
        let mut values = [""; LABELS_MAX];
        for (value, label) in values.iter_mut().zip(labels) {
            *value = label;
        }
        self.samples.push(Sample { values, reading });
    }

    /// Adds a reading, unless it is zero.
    pub fn push_nonzero(&mut self, labels: &[&'a str], count: u64) {
        if count > 0 {
            self.push(labels, Reading::Count(count));
        }
    }
}

/// One reading of a metric.
#[derive(Debug)]
pub struct Sample<'a> {
    values: [&'a str; LABELS_MAX],
    /// What was read.
    pub reading: Reading,
}

impl Sample<'_> {
    /// Labels with their values, in the order of the description.
    pub fn labels<'s>(&'s self, desc: &'static Desc) -> impl Iterator<Item = (&'static Label, &'s str)> {
        desc.labels.iter().zip(self.values)
    }
}

/// A value that was read.
#[derive(Debug, PartialEq)]
pub enum Reading {
    /// Of a counter.
    Count(u64),
    /// Of a gauge, or of what rises and falls.
    Level(i64),
    /// Of a gauge of fractions: seconds, shares.
    Fraction(f64),
    /// Of a histogram.
    Histogram(HistogramReading),
}

/// A histogram at one moment.
#[derive(Debug, PartialEq)]
pub struct HistogramReading {
    /// Upper bounds in seconds, rising, inclusive.
    pub bounds: &'static [f64],
    /// Observations of each bucket; one more than bounds, the last is without bound.
    pub counts: Vec<u64>,
    /// Sum of the observations in seconds.
    pub sum: f64,
}

impl HistogramReading {
    /// How many observations there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter at zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// A gauge at zero.
    pub const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// Adds one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Takes one away.
    pub fn decrement(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// Adds `delta`, which may be negative.
    pub fn add(&self, delta: i64) {
        self.0.fetch_add(delta, Relaxed);
    }

    /// Replaces the value; what exceeds the range is cut to it.
    pub fn set(&self, value: u64) {
        self.0.store(i64::try_from(value).unwrap_or(i64::MAX), Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds of the buckets of every histogram, in seconds: from a fast unary call to a long task.
const BOUNDS_SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
const BOUNDS_MICROS: [u64; 16] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];

/// Durations counted by size, in buckets that never change.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; 17],
    sum_micros: AtomicU64,
}

impl Histogram {
    /// Counts one duration, to the microsecond.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MICROS.iter().take_while(|bound| micros > **bound).count();
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(micros, Relaxed);
    }

    /// Adds everything that `other` has counted.
    pub fn absorb(&self, other: &Self) {
        for (mine, theirs) in self.buckets.iter().zip(&other.buckets) {
            mine.fetch_add(theirs.load(Relaxed), Relaxed);
        }
        self.sum_micros.fetch_add(other.sum_micros.load(Relaxed), Relaxed);
    }

    /// What has been counted so far; `None` if nothing has.
    pub fn read(&self) -> Option<HistogramReading> {
        let counts: Vec<_> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let sum = Duration::from_micros(self.sum_micros.load(Relaxed)).as_secs_f64();
        counts.iter().any(|count| *count > 0).then_some(HistogramReading {
            bounds: &BOUNDS_SECONDS,
            counts,
            sum,
        })
    }
}

/// The table as a Markdown table, one row a metric.
pub fn markdown(table: &[&'static Desc]) -> String {
    let mut page =
        String::from("| Prometheus | OTLP | kind | unit | by | what |\n|---|---|---|---|---|---|\n");
    for desc in table {
        let kind = match desc.kind {
            Kind::Counter => "counter",
            Kind::UpDown => "up-down counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<_> = desc.labels.iter().map(|label| format!("`{}`", label.prometheus)).collect();
        let (prometheus, labels) = (prometheus_name(desc), labels.join(", "));
        let _ = writeln!(
            page,
            "| `{prometheus}` | `{}` | {kind} | `{}` | {labels} | {} |",
            desc.name, desc.unit, desc.help
        );
    }
    page
}
