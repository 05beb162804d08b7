//! Reading resources: one, or a page of a list.

use signalbox_proto::model::violation::{FieldPath, Violations};

use super::Service;
use super::body::{Body, ResourceMessage};
use super::names::{check_name, parent_segments};
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
    /// `NotFound`, or `Invalid` if it is no such name.
    pub async fn get<R: ResourceMessage>(&self, name: &str) -> Result<R, Error> {
        let doing = "read a resource";
        check_name(R::KIND, name, &FieldPath::root().field("name")).map_err(Error::Invalid)?;
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
        let mut segments = parent_segments(kind, parent, true)
            .map_err(|text| Violations::one(FieldPath::root().field("parent"), "INVALID_NAME", text))?;
        segments.push(kind.collection().to_owned());
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
