//! The shape of an AgentCard in both packages: which fields hold text, and what becomes of an address in it.
//!
//! Only what the gateway looks at is listed. Everything else counts as unknown and stays as it is.

use crate::a2a::card::Fate;

/// A message type.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) fields: &'static [Place],
    /// An entry of a map, or a value: nothing is left of it without its text.
    pub(super) goes_with_its_text: bool,
}

/// A field of a message type.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) number: u32,
    pub(super) is_repeated: bool,
    pub(super) kind: Kind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A string, and what happens when it is nothing but an address of the agent's own server.
    Text(Fate),
    /// A string for people: it never makes a security scheme unusable.
    Prose(Fate),
    /// The key of a map.
    Key,
    /// A string that other rules take care of, or that is never an address.
    Identifier,
    Message(&'static Schema),
    /// A bool.
    Flag,
}

impl Schema {
    const fn new(fields: &'static [Place]) -> Self {
        Self { fields, goes_with_its_text: false }
    }

    const fn entry(fields: &'static [Place]) -> Self {
        Self { fields, goes_with_its_text: true }
    }

    pub(super) fn place(&self, number: u32) -> Option<&'static Place> {
        self.fields.iter().find(|place| place.number == number)
    }
}

const fn one(number: u32, kind: Kind) -> Place {
    Place { number, is_repeated: false, kind }
}

const fn many(number: u32, kind: Kind) -> Place {
    Place { number, is_repeated: true, kind }
}

const REMOVED: Kind = Kind::Text(Fate::Remove);
const REPLACED: Kind = Kind::Text(Fate::Replace);
const PROSE: Kind = Kind::Prose(Fate::Remove);

/// `lf.a2a.v1.AgentCard`.
pub(super) static CARD_1_0: Schema = Schema::new(&[
    one(1, REPLACED),
    one(2, REPLACED),
    many(3, Kind::Message(&INTERFACE)),
    one(4, Kind::Message(&PROVIDER)),
    one(5, REPLACED),
    one(6, REMOVED),
    one(7, Kind::Message(&CAPABILITIES)),
    many(8, Kind::Message(&SCHEME_ENTRY)),
    many(9, Kind::Message(&REQUIREMENT)),
    many(10, REMOVED),
    many(11, REMOVED),
    many(12, Kind::Message(&SKILL)),
    one(14, REMOVED),
]);

/// `a2a.v1.AgentCard` of 0.2 and 0.3, and of the candidates of 1.0, which shared its package: `protocol_versions` and
/// `supported_interfaces` are theirs.
pub(super) static CARD_0_X: Schema = Schema::new(&[
    one(1, REPLACED),
    one(2, REPLACED),
    one(3, Kind::Identifier),
    one(4, Kind::Message(&PROVIDER)),
    one(5, REPLACED),
    one(6, REMOVED),
    one(7, Kind::Message(&CAPABILITIES)),
    many(8, Kind::Message(&SCHEME_ENTRY)),
    many(9, Kind::Message(&REQUIREMENT)),
    many(10, REMOVED),
    many(11, REMOVED),
    many(12, Kind::Message(&SKILL)),
    one(13, Kind::Flag),
    one(14, REMOVED),
    many(15, Kind::Message(&INTERFACE)),
    many(16, REMOVED),
    one(18, REMOVED),
    many(19, Kind::Message(&INTERFACE)),
]);

/// The URL has been rewritten before; 0.x has no more than the first two.
pub(super) static INTERFACE: Schema =
    Schema::new(&[one(1, Kind::Identifier), one(2, REPLACED), one(3, REPLACED), one(4, REPLACED)]);

static PROVIDER: Schema = Schema::new(&[one(1, REPLACED), one(2, REPLACED)]);

pub(super) static CAPABILITIES: Schema = Schema::new(&[
    one(1, Kind::Flag),
    one(2, Kind::Flag),
    many(3, Kind::Message(&EXTENSION)),
    one(4, Kind::Flag),
    one(5, Kind::Flag),
]);

static EXTENSION: Schema = Schema::new(&[
    one(1, Kind::Identifier),
    one(2, REMOVED),
    one(3, Kind::Flag),
    one(4, Kind::Message(&STRUCT)),
]);

pub(super) static SKILL: Schema = Schema::new(&[
    one(1, REPLACED),
    one(2, REPLACED),
    one(3, REPLACED),
    many(4, REPLACED),
    many(5, REPLACED),
    many(6, REPLACED),
    many(7, REPLACED),
    many(8, Kind::Message(&SKILL_REQUIREMENT)),
]);

pub(super) static REQUIREMENT: Schema = Schema::new(&[many(1, Kind::Message(&REQUIREMENT_ENTRY))]);

pub(super) static REQUIREMENT_ENTRY: Schema =
    Schema::entry(&[one(1, Kind::Key), one(2, Kind::Message(&STRING_LIST))]);

/// The same below a skill, where every text is required.
static SKILL_REQUIREMENT: Schema = Schema::new(&[many(1, Kind::Message(&SKILL_REQUIREMENT_ENTRY))]);

static SKILL_REQUIREMENT_ENTRY: Schema =
    Schema::entry(&[one(1, Kind::Key), one(2, Kind::Message(&SKILL_STRING_LIST))]);

static SKILL_STRING_LIST: Schema = Schema::new(&[many(1, REPLACED)]);

static STRING_LIST: Schema = Schema::new(&[many(1, REMOVED)]);

pub(super) static SCHEME_ENTRY: Schema = Schema::entry(&[one(1, Kind::Key), one(2, Kind::Message(&SCHEME))]);

pub(super) static SCHEME: Schema = Schema::new(&[
    one(1, Kind::Message(&THREE_TEXTS)),
    one(2, Kind::Message(&THREE_TEXTS)),
    one(3, Kind::Message(&OAUTH2)),
    one(4, Kind::Message(&TWO_TEXTS)),
    one(5, Kind::Message(&ONE_TEXT)),
]);

/// APIKeySecurityScheme, HTTPAuthSecurityScheme.
static THREE_TEXTS: Schema = Schema::new(&[one(1, PROSE), one(2, REMOVED), one(3, REMOVED)]);

/// OpenIdConnectSecurityScheme.
static TWO_TEXTS: Schema = Schema::new(&[one(1, PROSE), one(2, REMOVED)]);

/// MutualTlsSecurityScheme.
static ONE_TEXT: Schema = Schema::new(&[one(1, PROSE)]);

static OAUTH2: Schema = Schema::new(&[one(1, PROSE), one(2, Kind::Message(&FLOWS)), one(3, REMOVED)]);

static FLOWS: Schema = Schema::new(&[
    one(1, Kind::Message(&FLOW_WITH_THREE_URLS)),
    one(2, Kind::Message(&FLOW_WITH_TWO_URLS)),
    one(3, Kind::Message(&FLOW_WITH_TWO_URLS)),
    one(4, Kind::Message(&FLOW_WITH_TWO_URLS)),
    one(5, Kind::Message(&FLOW_WITH_THREE_URLS)),
]);

/// Authorization code, device code.
static FLOW_WITH_THREE_URLS: Schema = Schema::new(&[
    one(1, REMOVED),
    one(2, REMOVED),
    one(3, REMOVED),
    many(4, Kind::Message(&SCOPE_ENTRY)),
    one(5, Kind::Flag),
]);

/// Client credentials, implicit, password.
static FLOW_WITH_TWO_URLS: Schema =
    Schema::new(&[one(1, REMOVED), one(2, REMOVED), many(3, Kind::Message(&SCOPE_ENTRY))]);

static SCOPE_ENTRY: Schema = Schema::entry(&[one(1, Kind::Key), one(2, REMOVED)]);

/// `google.protobuf.Struct`, which is JSON.
static STRUCT: Schema = Schema::new(&[many(1, Kind::Message(&STRUCT_ENTRY))]);

static STRUCT_ENTRY: Schema = Schema::entry(&[one(1, Kind::Key), one(2, Kind::Message(&VALUE))]);

/// `google.protobuf.Value`; numbers, bools and null hold no text.
static VALUE: Schema =
    Schema::entry(&[one(3, REMOVED), one(5, Kind::Message(&STRUCT)), one(6, Kind::Message(&LIST_VALUE))]);

static LIST_VALUE: Schema = Schema::new(&[many(1, Kind::Message(&VALUE))]);
