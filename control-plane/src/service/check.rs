//! Rules over several resources, held inside the transaction with lookups for what the change touches and no more.

use std::collections::HashMap;

use signalbox_proto::model::address::Claim;
use signalbox_proto::model::plan::Plan;
use signalbox_proto::model::rules;
use signalbox_proto::model::violation::{FieldPath, Violations};

use super::body::{Body, Checked};
use super::draft::{Draft, Key, Staged};
use super::names::parent_name;
use crate::error::Error;
use crate::store::Kind;

/// Users of a resource that an error names.
const NAMED_USERS: usize = 3;

/// Holds the rules over the old and the new form of one resource.
pub(super) fn transition(before: &Checked, after: &Checked, at: &FieldPath, wrong: &mut Violations) {
    match (before, after) {
        (Checked::Subscription(before), Checked::Subscription(after)) => {
            rules::subscription_change(before, after, at, wrong);
        }
        (Checked::ApiKey(before), Checked::ApiKey(after)) => {
            rules::api_key_change(before, after, at, wrong);
        }
        _ => {}
    }
}

/// What a resource refers to besides its parent, each with the field that does.
pub(super) fn references(checked: &Checked, at: &FieldPath) -> Vec<(Key, FieldPath)> {
    let plan = |name: &str, field| ((Kind::Plan, name.to_owned()), field);
    match checked {
        Checked::Agent(agent) => {
            let at = at.field("plans");
            agent.plans.iter().enumerate().map(|(n, name)| plan(name.as_str(), at.index(n))).collect()
        }
        Checked::Subscription(subscription) => vec![plan(subscription.plan.as_str(), at.field("plan"))],
        Checked::Plan(_) | Checked::Consumer | Checked::ApiKey(_) => Vec::new(),
    }
}

/// What a resource claims.
pub(super) fn claims(checked: &Checked, at: &FieldPath) -> Vec<Claim> {
    match checked {
        Checked::Agent(agent) => rules::agent_claims(agent, at),
        Checked::ApiKey(key) => rules::api_key_claim(key, at).into_iter().collect(),
        Checked::Plan(_) | Checked::Consumer | Checked::Subscription(_) => Vec::new(),
    }
}

impl Draft {
    /// Holds every rule over several resources.
    pub(super) async fn check(&mut self) -> Result<(), Error> {
        self.load_neighbours().await?;
        let mut wrong = Violations::new();
        self.check_references(&mut wrong)?;
        self.advice = self.advise()?;
        self.check_claims(&mut wrong).await?;
        self.check_plans(&mut wrong).await?;
        if !wrong.is_empty() {
            return Err(Error::Refused(wrong));
        }
        self.check_deletes().await
    }

    /// Everything staged for writing, in the order of the request.
    fn puts(&self) -> impl Iterator<Item = (&Key, &Checked, &FieldPath)> {
        self.order.iter().filter_map(|key| match self.staged.get(key) {
            Some(Staged::Put(put)) => Some((key, &put.checked, &put.field)),
            _ => None,
        })
    }

    async fn load_neighbours(&mut self) -> Result<(), Error> {
        let mut keys = Vec::new();
        for (key, checked, field) in self.puts() {
            keys.extend(references(checked, field).into_iter().map(|(key, _)| key));
            keys.extend(parent(key));
        }
        self.load(keys).await
    }

    fn check_references(&self, wrong: &mut Violations) -> Result<(), Error> {
        for (key, checked, field) in self.puts() {
            if let Some(parent) = parent(key)
                && !self.exists_after(&parent)
            {
                let text = format!("belongs to {}, which does not exist", parent.1);
                wrong.push(field.field("name"), "REFERENCE_NOT_FOUND", text);
            }
            for (to, at) in references(checked, field) {
                if !self.exists_after(&to) {
                    wrong.push(at, "REFERENCE_NOT_FOUND", format!("{} does not exist", to.1));
                } else if matches!(checked, Checked::Subscription(_)) {
                    rules::subscription_plan(&self.plan_after(&to)?, field, wrong);
                }
            }
        }
        Ok(())
    }

    /// What may not be meant, as far as changed agents and their plans tell.
    fn advise(&self) -> Result<Violations, Error> {
        let mut advice = Violations::new();
        for (_, checked, field) in self.puts() {
            let Checked::Agent(agent) = checked else { continue };
            for (plan, _) in references(checked, field) {
                if self.exists_after(&plan) {
                    let plan = self.plan_after(&plan)?;
                    rules::unenforced_skills(agent, &plan, field, &mut advice);
                    rules::shared_ownership(agent, &plan, field, &mut advice);
                }
            }
        }
        Ok(advice)
    }

    /// A plan as it will be; it must exist then.
    fn plan_after(&self, key: &Key) -> Result<Plan, Error> {
        let doing = "read a plan that is referred to";
        if let Some(Staged::Put(put)) = self.staged.get(key)
            && let Checked::Plan(plan) = &put.checked
        {
            return Ok((**plan).clone());
        }
        let stored = self.known.get(key).and_then(Option::as_ref);
        let stored = stored.ok_or_else(|| Error::defect(doing, "it is not loaded"))?;
        match Body::decode(Kind::Plan, &stored.body)?.check(&FieldPath::root()) {
            Ok(Checked::Plan(plan)) => Ok(*plan),
            Ok(_) => Err(Error::defect(doing, "it is no plan")),
            Err(wrong) => Err(Error::Internal { doing, source: Box::new(wrong) }),
        }
    }

    /// Nobody else holds what is claimed: neither what is stored and stays, nor the rest of this change.
    async fn check_claims(&mut self, wrong: &mut Violations) -> Result<(), Error> {
        let mut claimed: Vec<Claim> = Vec::new();
        for (_, checked, field) in self.puts() {
            claimed.extend(claims(checked, field));
        }
        if claimed.is_empty() {
            return Ok(());
        }
        let keys = claimed.iter().map(|claim| claim.key.clone()).collect();
        let stored = self.tx.claims(keys).await.map_err(Error::store("read claims"))?;
        let mut holders: HashMap<String, String> = stored
            .into_iter()
            .filter(|(_, owner)| !self.staged.contains_key(&(owner.kind, owner.name.clone())))
            .map(|(claim, _)| (claim.key, claim.holder))
            .collect();
        for claim in claimed {
            match holders.get(&claim.key) {
                Some(holder) if *holder != claim.holder => rules::refuse_claim(&claim, holder, wrong),
                Some(_) => {}
                None => {
                    holders.insert(claim.key, claim.holder);
                }
            }
        }
        Ok(())
    }

    /// A plan that has subscriptions goes on asking for keys.
    async fn check_plans(&mut self, wrong: &mut Violations) -> Result<(), Error> {
        let mut abandoned = Vec::new();
        for (key, checked, field) in self.puts() {
            let Checked::Plan(after) = checked else { continue };
            let Some(stored) = self.known.get(key).and_then(Option::as_ref) else { continue };
            if let Ok(Checked::Plan(before)) =
                Body::decode(Kind::Plan, &stored.body)?.check(&FieldPath::root())
                && rules::abandons_keys(&before, after)
            {
                abandoned.push((key.clone(), field.clone()));
            }
        }
        for (key, field) in abandoned {
            if let Some(user) = self.users(&key, Kind::Subscription).await?.first() {
                let text = format!("cannot become keyless while {user} subscribes to it");
                wrong.push(field.field("keyless"), "IN_USE", text);
            }
        }
        Ok(())
    }

    /// Nothing that stays refers to, or hangs from, what is deleted.
    async fn check_deletes(&mut self) -> Result<(), Error> {
        let deleted: Vec<Key> = self
            .order
            .iter()
            .filter(|key| matches!(self.staged.get(*key), Some(Staged::Delete)))
            .cloned()
            .collect();
        for key in deleted {
            let by = match key.0 {
                Kind::Agent | Kind::ApiKey => continue,
                Kind::Plan => {
                    let mut by = self.users(&key, Kind::Agent).await?;
                    by.extend(self.users(&key, Kind::Subscription).await?);
                    by
                }
                Kind::Consumer => self.remaining_children(Kind::Subscription, &key.1).await?,
                Kind::Subscription => self.remaining_children(Kind::ApiKey, &key.1).await?,
            };
            if !by.is_empty() {
                let by = by.into_iter().take(NAMED_USERS).collect();
                return Err(Error::InUse { resource: key.1, by });
            }
        }
        Ok(())
    }

    /// Some of the resources of a kind that refer to this one and are not part of the change. Those that are have been
    /// checked as they will be.
    async fn users(&mut self, key: &Key, kind: Kind) -> Result<Vec<String>, Error> {
        let most = self.staged.len() + NAMED_USERS;
        let found = self.referrers(key, kind, most).await?;
        Ok(found.into_iter().filter(|name| !self.staged.contains_key(&(kind, name.clone()))).collect())
    }

    async fn remaining_children(&mut self, kind: Kind, parent: &str) -> Result<Vec<String>, Error> {
        let most = self.staged.len() + NAMED_USERS;
        let found = self.children_page(kind, parent, None, most).await?;
        let names = found.into_iter().map(|child| child.name);
        Ok(names.filter(|name| !self.staged.contains_key(&(kind, name.clone()))).collect())
    }
}

/// What a resource hangs from, if that is stored.
fn parent((kind, name): &Key) -> Option<Key> {
    kind.parent().map(|kind| (kind, parent_name(name).to_owned()))
}
