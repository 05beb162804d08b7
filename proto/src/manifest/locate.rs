//! From a field's path to its place in the text.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Position {
    /// The place of a parser's location; `None` where it has none.
    pub(super) fn of(location: serde_saphyr::Location) -> Option<Self> {
        let line = usize::try_from(location.line()).ok().filter(|&line| line > 0)?;
        let column = usize::try_from(location.column()).unwrap_or_default().max(1);
        Some(Self { line, column })
    }
}

/// Where everything in a text is written.
pub(super) struct Map(Spanned<Node>);

enum Node {
    Scalar,
    List(Vec<Spanned<Node>>),
    Fields(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl Map {
    /// Reads the text once more, for its places alone. JSON is read as the YAML that it nearly always is.
    pub(super) fn new(text: &str) -> Option<Self> {
        serde_saphyr::from_str(text).ok().map(Self)
    }

    /// The place of the value at `path`, or of the deepest parent that is written.
    pub(super) fn position(&self, path: &str) -> Option<Position> {
        let mut here = &self.0;
        let mut place = Position::of(here.referenced);
        for segment in segments(path) {
            let next = match (&here.value, segment) {
                (Node::List(items), Segment::Index(index)) => {
                    items.get(index).map(|item| (item, item.referenced))
                }
                (Node::Fields(fields), Segment::Name(name)) => {
                    // A scalar is shown where it stands, anything longer where its key stands.
                    let found = fields.iter().find(|(key, _)| key.value == name || snake(&key.value) == name);
                    found.map(|(key, value)| match value.value {
                        Node::Scalar => (value, value.referenced),
                        Node::List(_) | Node::Fields(_) => (value, key.referenced),
                    })
                }
                _ => None,
            };
            let Some((node, location)) = next else { break };
            here = node;
            place = Position::of(location).or(place);
        }
        place
    }
}

/// `displayName` as `display_name`.
fn snake(camel: &str) -> String {
    let mut out = String::with_capacity(camel.len() + 4);
    for char in camel.chars() {
        if char.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

enum Segment {
    Name(String),
    Index(usize),
}

/// Takes `agents[0].labels["a.b"].x` apart. Stops at what it cannot read.
fn segments(path: &str) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut rest = path;
    loop {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return out;
        }
        if let Some(inner) = rest.strip_prefix("[\"") {
            let Some((key, after)) = inner.split_once("\"]") else { return out };
            out.push(Segment::Name(key.to_owned()));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let Some((index, after)) = inner.split_once(']') else { return out };
            let Ok(index) = index.parse() else { return out };
            out.push(Segment::Index(index));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            out.push(Segment::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! scalars {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E>(self, _: $type) -> Result<Node, E> { Ok(Node::Scalar) })*
    };
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64,
        visit_str: &str, visit_bytes: &[u8]);

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Node::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element()? {
            out.push(item);
        }
        Ok(Node::List(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut out = Vec::new();
        while let Some(field) = fields.next_entry()? {
            out.push(field);
        }
        Ok(Node::Fields(out))
    }
}
