//! The programs of the SDKs against one another, without a gateway: what the other tests build on.

use system_tests::harness::{Agent, Client, sdk::Sdk, sdk::record};

use crate::sdk_table::Route;

fn every_client_calls(sdk: Sdk) {
    let agent = Agent::full(sdk);
    let grpc = agent.grpc.as_deref();
    let route = Route { agent: sdk, base: &agent.url, grpc };
    let _ = route.run_every_client();
}

#[test]
fn every_client_calls_python_1() {
    every_client_calls(Sdk::Python1);
}

#[test]
fn every_client_calls_python_0_3() {
    every_client_calls(Sdk::Python03);
}

#[test]
fn every_client_calls_javascript_1() {
    every_client_calls(Sdk::JavaScript1);
}

#[test]
fn every_client_calls_javascript_0_3() {
    every_client_calls(Sdk::JavaScript03);
}

/// Agents of 1.0 alone, of which clients of 1.x must not fall back to 0.3.
#[test]
fn clients_of_1_call_agents_that_speak_nothing_else() {
    for sdk in [Sdk::Python1, Sdk::JavaScript1] {
        let agent = Agent::start(sdk);
        let records = Client::new(sdk, &agent.url).run(&["all"]);
        assert_eq!(record(&records, "stream")["texts"].as_array().map(Vec::len), Some(3));
    }
}
