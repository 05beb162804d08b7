use super::*;

#[test]
fn bounds_are_written_twice_and_agree() {
    for (seconds, micros) in BOUNDS_SECONDS.iter().zip(BOUNDS_MICROS) {
        assert_eq!(Duration::from_secs_f64(*seconds).as_micros(), u128::from(micros));
    }
    assert!(BOUNDS_MICROS.is_sorted());
}

#[test]
fn a_duration_falls_into_the_first_bucket_that_holds_it() {
    let histogram = Histogram::default();
    assert_eq!(histogram.read(), None);
    for micros in [0, 1_000, 1_001, 300_000_000, 300_000_001] {
        histogram.record(Duration::from_micros(micros));
    }
    let reading = histogram.read().unwrap();
    assert_eq!((reading.counts[0], reading.counts[1], reading.counts[15], reading.counts[16]), (2, 1, 1, 1));
    assert_eq!(reading.count(), 5);
    assert!((reading.sum - 600.002_002).abs() < 1e-9);
}

#[test]
fn absorbing_adds_buckets_and_sum() {
    let (total, part) = (Histogram::default(), Histogram::default());
    total.record(Duration::from_millis(3));
    part.record(Duration::from_millis(3));
    part.record(Duration::from_secs(1));
    total.absorb(&part);
    let reading = total.read().unwrap();
    assert_eq!((reading.counts[2], reading.counts[9]), (2, 1));
    assert!((reading.sum - 1.006).abs() < 1e-9);
}

#[test]
fn an_absurd_duration_and_level_are_cut() {
    let histogram = Histogram::default();
    histogram.record(Duration::MAX);
    assert_eq!(histogram.read().unwrap().counts[16], 1);
    let gauge = Gauge::new();
    gauge.set(u64::MAX);
    assert_eq!(gauge.get(), i64::MAX);
}
