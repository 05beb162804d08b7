use clap::Parser;

use super::*;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    telemetry: TelemetryArguments,
}

fn parse(arguments: &[&str]) -> Result<TelemetryArguments, clap::Error> {
    let command = std::iter::once("test").chain(arguments.iter().copied());
    Command::try_parse_from(command).map(|command| command.telemetry)
}

fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Settings {
    let variable =
        |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
    Settings::new(&parse(arguments).unwrap(), "eu-west", "edge-1", variable).unwrap()
}

#[test]
fn the_defaults_export_nothing_and_log_to_standard_output() {
    let settings = settings(&[], &[]);
    assert_eq!(settings.otlp.endpoint, None);
    assert_eq!(settings.access_log, Destination::Stdout);
    assert!(!settings.trust_sampled && settings.otlp_access_log);
}

#[test]
fn flags_win_over_the_environment() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")];
    let both = settings(&["--otlp-endpoint", "http://b:2", "--trace-ratio", "1.0"], &environment);
    assert_eq!(both.otlp.endpoint.as_deref(), Some("http://b:2"));
    assert!((both.otlp.trace_ratio - 1.0).abs() < f64::EPSILON);
    let environment_only = settings(&[], &environment);
    assert_eq!(environment_only.otlp.endpoint.as_deref(), Some("http://a:1"));
    assert!((environment_only.otlp.trace_ratio - 0.5).abs() < f64::EPSILON);
}

#[test]
fn the_process_is_named_in_every_export() {
    let settings = settings(&[], &[]);
    for (key, value) in [
        ("service.name", "signalbox-data-plane"),
        ("service.instance.id", "edge-1"),
        ("cloud.region", "eu-west"),
    ] {
        assert!(settings.otlp.resource.contains(&(key.to_owned(), value.to_owned())), "{key}");
    }
}

#[test]
fn destinations_and_ratios_are_read() {
    assert_eq!(parse(&["--access-log", "off"]).unwrap().access_log, Destination::Off);
    assert_eq!(parse(&["--access-log", "/a/b"]).unwrap().access_log, Destination::File("/a/b".into()));
    for wrong in ["1.1", "-0.1", "NaN", "all"] {
        assert!(parse(&[&format!("--trace-ratio={wrong}")]).is_err(), "{wrong}");
    }
}
