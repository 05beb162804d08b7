//! The programs of the SDKs against one another, without a gateway: what the other tests build on.

use system_tests::harness::{Agent, Client, sdk::Sdk, sdk::record};

fn works_directly(sdk: Sdk, agent: &Agent) {
    let records = Client::new(sdk, &agent.url).run(&["all", "large"]);
    assert_eq!(records.len(), 8, "{records:?}");
    assert_eq!(record(&records, "stream")["texts"].as_array().map(Vec::len), Some(3));
}

#[test]
fn python_1_calls_python_1() {
    works_directly(Sdk::Python1, &Agent::start(Sdk::Python1));
}

#[test]
fn python_0_3_calls_python_0_3() {
    works_directly(Sdk::Python03, &Agent::start(Sdk::Python03));
}

#[test]
fn javascript_1_calls_javascript_1() {
    works_directly(Sdk::JavaScript1, &Agent::start(Sdk::JavaScript1));
}

#[test]
fn javascript_0_3_calls_javascript_0_3() {
    works_directly(Sdk::JavaScript03, &Agent::start(Sdk::JavaScript03));
}

#[test]
fn every_client_calls_a_python_agent_of_both_versions() {
    let agent = Agent::hybrid(Sdk::Python1);
    for sdk in Sdk::ALL {
        works_directly(sdk, &agent);
    }
}

#[test]
fn every_client_calls_a_javascript_agent_of_both_versions() {
    let agent = Agent::hybrid(Sdk::JavaScript1);
    for sdk in Sdk::ALL {
        works_directly(sdk, &agent);
    }
}
