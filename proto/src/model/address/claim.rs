//! What an agent takes of the addresses that all agents share.

use std::collections::BTreeMap;

use super::super::agent::Agent;
use super::super::name::DEFAULT_ORGANIZATION;
use super::super::violation::{FieldPath, Violations};

/// An address or id that one holder alone may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// What is taken: "host echo.agents.example", "path /support/chat", "id echo".
    pub key: String,
    /// On whose behalf: the agent's name, or the organization's where all its agents share the claim.
    pub holder: String,
    /// The field of the agent that makes the claim.
    pub field: FieldPath,
}

impl Agent {
    /// Everything that the agent claims, whatever its state: a saved agent keeps its addresses.
    ///
    /// Ids of organizations and of the default organization's agents share one namespace, since /a2a/{id} could be
    /// the beginning of either.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        let root = FieldPath::root();
        let addresses = root.field("addresses");
        let mut claims = Vec::new();
        let mut claim = |key: String, holder: &str, field: FieldPath| {
            claims.push(Claim { key, holder: holder.to_owned(), field });
        };
        if self.name.organization() == DEFAULT_ORGANIZATION {
            claim(format!("id {}", self.name.id()), self.name.as_str(), root.field("name"));
        } else {
            let organization = format!("organizations/{}", self.name.organization());
            claim(format!("id {}", self.name.organization()), &organization, root.field("name"));
        }
        if let Some(path) = &self.addresses.context_path {
            claim(format!("path {}", path.as_str()), self.name.as_str(), addresses.field("context_path"));
        }
        for (index, host) in self.addresses.hosts.iter().enumerate() {
            let field = addresses.field("hosts").index(index);
            claim(format!("host {}", host.as_str()), self.name.as_str(), field);
        }
        claims
    }
}

/// Holders of claims, filled agent by agent.
#[derive(Debug, Default)]
pub struct Claims(BTreeMap<String, String>);

impl Claims {
    /// Adds the claims of the agent at `at` and notes those that somebody else holds.
    pub fn add(&mut self, agent: &Agent, at: &FieldPath, wrong: &mut Violations) {
        for Claim { key, holder, field } in agent.claims() {
            match self.0.get(&key) {
                Some(other) if *other != holder => {
                    wrong.push(at.join(&field), "ADDRESS_TAKEN", taken(&key, other));
                }
                Some(_) => {}
                None => {
                    self.0.insert(key, holder);
                }
            }
        }
    }
}

/// What to say of a claim that `holder` has.
#[must_use]
pub fn taken(key: &str, holder: &str) -> String {
    format!("{key} already belongs to {holder}")
}
