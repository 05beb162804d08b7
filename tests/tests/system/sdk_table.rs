//! What the SDKs do with one another: the scenarios of each pair, and those that fail even without a gateway.

use std::{collections::BTreeSet, thread};

use system_tests::harness::{
    Client,
    sdk::{Record, Sdk, failures},
};

/// Every binding, in the order in which clients use them.
pub(crate) const BINDINGS: [&str; 3] = ["JSONRPC", "HTTP+JSON", "GRPC"];

/// Where a run of clients goes.
#[derive(Clone, Copy)]
pub(crate) struct Route<'a> {
    /// The SDK of the agent at the end.
    pub(crate) agent: Sdk,
    /// Below which address the card is.
    pub(crate) base: &'a str,
    /// The authority at which the card names gRPC.
    pub(crate) grpc: Option<&'a str>,
}

impl Route<'_> {
    /// Runs every client along the route.
    pub(crate) fn run_every_client(self) -> Vec<(Sdk, Vec<Record>)> {
        // The Rust client speaks 1.0 alone.
        let rust = (!self.agent.is_old()).then_some(Sdk::Rust);
        self.run_clients(&Sdk::ALL.into_iter().chain(rust).collect::<Vec<_>>())
    }

    /// Runs clients along the route, all at once, and gives what each observed. The scenarios that fail have to be
    /// those that are known to.
    pub(crate) fn run_clients(self, clients: &[Sdk]) -> Vec<(Sdk, Vec<Record>)> {
        thread::scope(|scope| {
            let start = |&client| (client, scope.spawn(move || self.run(client)));
            let runs: Vec<_> = clients.iter().map(start).collect();
            runs.into_iter().map(|(client, run)| (client, run.join().expect("a client's run"))).collect()
        })
    }

    fn run(self, sdk: Sdk) -> Vec<Record> {
        let client = Client::new(sdk, self.base).bindings(&BINDINGS).grpc(self.grpc);
        let client = if self.agent.is_old() { client.legacy() } else { client };
        let (records, log) = client.try_run(&scenarios(sdk, self.agent));
        let expected: BTreeSet<String> = known_failures(sdk, self.agent)
            .iter()
            .flat_map(|(binding, names)| names.iter().map(move |name| format!("{binding} {name}")))
            .collect();
        let found = failures(&records);
        let surprises: Vec<_> = found.symmetric_difference(&expected).collect();
        let failed: Vec<_> = records.iter().filter(|record| record["ok"] == false).collect();
        assert!(
            surprises.is_empty(),
            "{sdk:?} to {:?} at {}: {surprises:?}\n{failed:#?}",
            self.agent,
            self.base
        );
        assert_eq!(records.len(), BINDINGS.len() * names(sdk, self.agent), "{log}");
        records
    }
}

/// The scenarios that both sides know: together they use every operation that both have.
fn scenarios(client: Sdk, agent: Sdk) -> Vec<&'static str> {
    let mut names = vec!["all", "large", "push-config", "extended-card"];
    if !client.is_old() && !agent.is_old() {
        names.push("list");
    }
    names
}

/// How many records [`scenarios`] lead to over one binding: `all` stands for eight.
fn names(client: Sdk, agent: Sdk) -> usize {
    scenarios(client, agent).len() + 7
}

/// Scenarios that fail directly, by binding, since one SDK does not understand the other: `tests/sdk/README.md` says why.
fn known_failures(client: Sdk, agent: Sdk) -> &'static [(&'static str, &'static [&'static str])] {
    use Sdk::{JavaScript1, JavaScript03, Python1, Python03};
    const ERRORS: &[&str] = &["error-unknown-task", "error-from-agent"];
    const ERRORS_AND_PUSH: &[&str] = &["error-unknown-task", "error-from-agent", "push-config"];
    const PUSH: &[&str] = &["push-config"];
    match (client, agent) {
        (JavaScript03, Python1) => &[("HTTP+JSON", ERRORS_AND_PUSH)],
        (Python03 | Python1, JavaScript1) | (JavaScript03, JavaScript03) => &[("HTTP+JSON", PUSH)],
        (JavaScript03, Python03) => &[
            (
                "HTTP+JSON",
                &["stream", "resubscribe", "error-unknown-task", "error-from-agent", "push-config"],
            ),
            ("GRPC", &["error-from-agent", "push-config"]),
        ],
        (Python1, Python03) => &[("HTTP+JSON", ERRORS_AND_PUSH), ("GRPC", PUSH)],
        (JavaScript1, Python03) => &[("HTTP+JSON", ERRORS_AND_PUSH), ("GRPC", ERRORS_AND_PUSH)],
        (Python1, JavaScript03) => &[("HTTP+JSON", ERRORS_AND_PUSH), ("GRPC", ERRORS)],
        (JavaScript1, JavaScript03) => &[("HTTP+JSON", PUSH), ("GRPC", ERRORS)],
        _ => &[],
    }
}
