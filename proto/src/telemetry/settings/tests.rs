use super::*;

fn read(environment: &[(&str, &str)]) -> Result<OtlpSettings, SettingsError> {
    OtlpSettings::from_environment("plane", |name| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn an_empty_environment_exports_nothing_and_traces_one_percent() {
    let settings = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).unwrap();
    assert_eq!(settings.endpoint, None);
    assert_eq!(settings.resource, [("service.name".to_owned(), "plane".to_owned())]);
    assert!((settings.trace_ratio - 0.01).abs() < f64::EPSILON);
    assert_eq!(settings.timeout, Duration::from_secs(10));
}

#[test]
fn the_standard_names_are_honoured() {
    let settings = read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc, x-tenant=a=b"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
    ])
    .unwrap();
    assert_eq!(settings.endpoint.as_deref(), Some("http://127.0.0.1:4317"));
    assert_eq!(settings.headers[0], ("authorization".to_owned(), "Bearer abc".to_owned()));
    assert_eq!(settings.headers[1], ("x-tenant".to_owned(), "a=b".to_owned()));
    assert_eq!(
        (settings.timeout, settings.metric_interval),
        (Duration::from_millis(2500), Duration::from_secs(1))
    );
    assert_eq!(settings.resource[0].1, "other");
    assert_eq!(settings.resource[1].0, "deployment.environment.name");
    assert!((settings.trace_ratio - 0.25).abs() < f64::EPSILON);
}

#[test]
fn the_service_name_variable_wins_over_the_attribute() {
    let settings =
        read(&[("OTEL_SERVICE_NAME", "mine"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other")]).unwrap();
    assert_eq!(settings.resource, [("service.name".to_owned(), "mine".to_owned())]);
}

#[test]
fn a_disabled_sdk_has_no_endpoint() {
    let settings =
        read(&[("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1]:1")]).unwrap();
    assert_eq!(settings.endpoint, None);
}

#[test]
fn what_cannot_be_understood_is_named_without_its_value() {
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "=secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%+1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
    ] {
        let error = read(&[(variable, value)]).unwrap_err();
        assert_eq!(error.variable, variable);
        assert!(!error.to_string().contains(value), "{error}");
    }
}

#[test]
fn an_attribute_is_replaced_or_added() {
    let mut settings = read(&[]).unwrap();
    settings.set_attribute("service.name", "a");
    settings.set_attribute("cloud.region", "eu");
    assert_eq!(
        settings.resource,
        [("service.name", "a"), ("cloud.region", "eu")].map(|(k, v)| (k.into(), v.into()))
    );
}
