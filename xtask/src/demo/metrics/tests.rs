use super::sum;

const TEXT: &str = "# HELP signalbox_requests_total Requests.
signalbox_requests_total{agent=\"a\",status=\"200\"} 3
signalbox_requests_total{agent=\"a\",status=\"401\"} 1
signalbox_requests_total{agent=\"ab\",status=\"200\"} 7
";

#[test]
fn only_series_with_the_label_are_added() {
    assert_eq!(sum(TEXT, "signalbox_requests_total", "agent=\"a\"").unwrap(), 4);
    assert_eq!(sum(TEXT, "signalbox_requests_total", "agent=\"c\"").unwrap(), 0);
    assert!(sum("signalbox_requests_total{agent=\"a\"} many", "signalbox_requests_total", "a").is_err());
}
