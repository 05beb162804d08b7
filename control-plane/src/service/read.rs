//! Reading resources: one, or a page of a list.

use signalbox_proto::model::name::is_id;
use signalbox_proto::model::violation::{FieldPath, Violations};

use super::Service;
use super::body::{Body, ResourceMessage};
use super::page::{read_token, write_token};
use crate::error::Error;
use crate::store::{Kind, ListQuery};

/// Part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<R> {
    /// In the order of their names.
    pub resources: Vec<R>,
    /// What to ask for the next page with; empty on the last one.
    pub next_page_token: String,
}

impl Service {
    /// One resource.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub async fn get<R: ResourceMessage>(&self, name: &str) -> Result<R, Error> {
        let doing = "read a resource";
        let found = self.store.get(vec![(R::KIND, name.to_owned())]).await.map_err(Error::store(doing))?;
        let found = found.into_iter().next().flatten();
        let resource = found.ok_or_else(|| Error::NotFound { resource: name.to_owned() })?;
        R::from_body(Body::present(&resource)?).ok_or_else(|| Error::defect(doing, "it is of another kind"))
    }

    /// The resources of a parent, in which `-` stands for any id. A parent that does not exist has none.
    ///
    /// # Errors
    ///
    /// `Invalid` if the parent has another form, the size is negative or the token belongs to another list.
    pub async fn list<R: ResourceMessage>(
        &self,
        parent: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<Page<R>, Error> {
        let pattern = Pattern::parse(R::KIND, parent).map_err(Error::Invalid)?;
        let size = super::page::page_size(page_size).map_err(Error::Invalid)?;
        let mut after = (!page_token.is_empty())
            .then(|| read_token(&list_id(R::KIND, parent), page_token))
            .transpose()
            .map_err(Error::Invalid)?;
        let doing = "list resources";
        let mut found = Vec::new();
        // A pattern with a wildcard may skip whole pages; one more than asked for tells whether there is a next page.
        while found.len() <= size {
            let limit = size + 1 - found.len();
            let query =
                ListQuery { kind: R::KIND, prefix: pattern.prefix.clone(), after: after.clone(), limit };
            let page = self.store.list(query).await.map_err(Error::store(doing))?;
            let end = page.len() < limit;
            if let Some(last) = page.last() {
                after = Some(last.name.clone());
            }
            found.extend(page.into_iter().filter(|resource| pattern.matches(&resource.name)));
            if end {
                break;
            }
        }
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|resource| resource.name.as_str());
        let next_page_token =
            last.map(|last| write_token(&list_id(R::KIND, parent), last)).unwrap_or_default();
        let resources = found
            .iter()
            .map(|resource| {
                R::from_body(Body::present(resource)?)
                    .ok_or_else(|| Error::defect(doing, "one is of another kind"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Page { resources, next_page_token })
    }
}

/// A parent with wildcards, as a prefix to look in and a form to match.
struct Pattern {
    prefix: String,
    segments: Vec<String>,
}

impl Pattern {
    fn parse(kind: Kind, parent: &str) -> Result<Self, Violations> {
        let shape: &[&str] = match kind {
            Kind::Agent | Kind::Plan | Kind::Consumer => &["organizations"],
            Kind::Subscription => &["organizations", "consumers"],
            Kind::ApiKey => &["organizations", "consumers", "subscriptions"],
        };
        let segments: Vec<String> = parent.split('/').chain([kind.collection()]).map(str::to_owned).collect();
        let good = segments.len() == 2 * shape.len() + 1
            && segments.chunks_exact(2).zip(shape).all(
                |(pair, collection)| matches!(pair, [c, id] if c == collection && (id == "-" || is_id(id))),
            );
        if !good {
            let at = FieldPath::root().field("parent");
            let form: Vec<String> = shape.iter().map(|collection| format!("{collection}/{{id}}")).collect();
            let text = format!("must have the form {}; - stands for any id", form.join("/"));
            return Err(Violations::one(at, "INVALID_NAME", text));
        }
        let fixed: Vec<&str> = segments.iter().map(String::as_str).take_while(|s| *s != "-").collect();
        let prefix = format!("{}/", fixed.join("/"));
        Ok(Self { prefix, segments })
    }

    fn matches(&self, name: &str) -> bool {
        name.split('/').zip(&self.segments).all(|(segment, pattern)| pattern == "-" || pattern == segment)
    }
}

fn list_id(kind: Kind, parent: &str) -> String {
    format!("{parent}/{}", kind.collection())
}
