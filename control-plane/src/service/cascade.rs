//! Deleting what hangs from something, when that is asked for.

use signalbox_proto::model::violation::{FieldPath, Violations};

use super::body::Body;
use super::draft::{Draft, Key};
use super::run::MAX_CHANGES_PER_COMMIT;
use crate::error::Error;
use crate::store::{Kind, ListQuery, Reference, Resource};

/// Children read at a time.
const PAGE: usize = 1000;

impl Draft {
    /// Stages the end of everything that hangs from a resource.
    pub(super) async fn cascade(&mut self, key: &Key) -> Result<(), Error> {
        match key.0 {
            Kind::Agent | Kind::ApiKey => Ok(()),
            Kind::Plan => {
                self.close_to_agents(key).await?;
                for name in self.referrers(key, Kind::Subscription, usize::MAX).await? {
                    self.delete_subscription((Kind::Subscription, name)).await?;
                }
                Ok(())
            }
            Kind::Consumer => {
                for subscription in self.children(Kind::Subscription, &key.1).await? {
                    self.delete_subscription(subscription).await?;
                }
                Ok(())
            }
            Kind::Subscription => self.delete_keys(&key.1).await,
        }
    }

    async fn delete_subscription(&mut self, key: Key) -> Result<(), Error> {
        self.delete_keys(&key.1).await?;
        self.load([key.clone()]).await?;
        self.stage_delete(key)
    }

    async fn delete_keys(&mut self, subscription: &str) -> Result<(), Error> {
        for key in self.children(Kind::ApiKey, subscription).await? {
            self.stage_delete(key)?;
        }
        Ok(())
    }

    /// Takes a plan off the agents that it opens. They stay, closed to those who came by the plan.
    async fn close_to_agents(&mut self, plan: &Key) -> Result<(), Error> {
        for name in self.referrers(plan, Kind::Agent, usize::MAX).await? {
            let key = (Kind::Agent, name);
            let Some(current) = self.current(&key).await? else { continue };
            let mut body = Body::decode(Kind::Agent, &current.body)?;
            if let Body::Agent(agent) = &mut body {
                agent.plans.retain(|other| *other != plan.1);
            }
            let mut wrong = Violations::new();
            let at = FieldPath::root().field(&key.1);
            self.put(key, body, at, &mut wrong).await?;
            if !wrong.is_empty() {
                return Err(Error::Refused(wrong));
            }
        }
        Ok(())
    }

    /// Names of a kind that refer to a resource before the change.
    pub(super) async fn referrers(
        &mut self,
        key: &Key,
        kind: Kind,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let of = Reference { kind: key.0, name: key.1.clone() };
        self.tx.referrers(of, kind, limit).await.map_err(Error::store("read references"))
    }

    /// Everything of a kind that hangs from a parent before the change. It is known afterwards.
    pub(super) async fn children(&mut self, kind: Kind, parent: &str) -> Result<Vec<Key>, Error> {
        let mut found: Vec<Key> = Vec::new();
        loop {
            let after = found.last().map(|(_, name)| name.clone());
            let page = self.children_page(kind, parent, after, PAGE).await?;
            let end = page.len() < PAGE;
            for child in page {
                let key = (kind, child.name.clone());
                self.known.insert(key.clone(), Some(child));
                found.push(key);
            }
            if end {
                return Ok(found);
            }
            if found.len() > MAX_CHANGES_PER_COMMIT {
                return Err(Error::TooLarge { limit: MAX_CHANGES_PER_COMMIT });
            }
        }
    }

    pub(super) async fn children_page(
        &mut self,
        kind: Kind,
        parent: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<Resource>, Error> {
        let prefix = format!("{parent}/{}/", kind.collection());
        let query = ListQuery { kind, prefix, after, limit };
        self.tx.list(query).await.map_err(Error::store("list what hangs from a resource"))
    }
}
