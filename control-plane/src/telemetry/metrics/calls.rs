//! What is counted for each method of the APIs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use signalbox_proto::telemetry::{Family, Histogram, Reading};

/// Most methods that are told apart; whoever invents more has them counted as one.
const METHODS_MAX: usize = 256;
/// Stands for methods beyond that.
const OTHER: &str = "other";
/// Codes of gRPC are few; a code is one of the library's own names.
type Codes = BTreeMap<&'static str, u64>;

/// Calls by method and status.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<BTreeMap<String, Call>>);

#[derive(Debug, Default)]
struct Call {
    codes: Codes,
    duration: Histogram,
}

/// Calls at one moment.
pub(super) struct CallReadings(Vec<(String, Codes, Option<Reading>)>);

impl Calls {
    pub(super) fn count(&self, method: &str, code: &'static str, duration: Option<Duration>) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = calls.contains_key(method) || calls.len() < METHODS_MAX;
        let call = calls.entry(if known { method } else { OTHER }.to_owned()).or_default();
        *call.codes.entry(code).or_default() += 1;
        if let Some(duration) = duration {
            call.duration.record(duration);
        }
    }

    pub(super) fn read(&self) -> CallReadings {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let readings = calls.iter().map(|(method, call)| {
            (method.clone(), call.codes.clone(), call.duration.read().map(Reading::Histogram))
        });
        CallReadings(readings.collect())
    }
}

impl CallReadings {
    pub(super) fn fill<'a>(&'a mut self, calls: &mut Family<'a>, duration: &mut Family<'a>) {
        for (method, codes, took) in &mut self.0 {
            for (code, count) in codes {
                calls.push(&[method, code], Reading::Count(*count));
            }
            if let Some(took) = took.take() {
                duration.push(&[method], took);
            }
        }
    }
}
