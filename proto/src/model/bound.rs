//! Every limit of the checked model: its name, unit, range and default, in one table.
//!
//! docs/limits.md is made from [`ALL`]; a test keeps it current.

use std::fmt::Write as _;
use std::time::Duration;

/// What a bound counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Unicode scalar values.
    Characters,
    /// Elements of a list or map.
    Items,
    /// Milliseconds; shown as a duration.
    Milliseconds,
    /// A plain number.
    Number,
}

/// The range of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Field or group of fields, in the .proto files' spelling: "agent.limits.max_body_bytes".
    pub name: &'static str,
    /// What is counted.
    pub unit: Unit,
    /// Smallest value.
    pub min: u64,
    /// Largest value.
    pub max: u64,
    /// What an absent field means, where that is a value.
    pub default: Option<u64>,
    /// Whether 0 is allowed besides the range, and means off.
    pub zero_is_off: bool,
    /// One sentence: what it is for.
    pub doc: &'static str,
}

impl Bound {
    const fn most(name: &'static str, unit: Unit, max: u64, doc: &'static str) -> Self {
        Self { name, unit, min: 0, max, default: None, zero_is_off: false, doc }
    }

    const fn time(name: &'static str, min: u64, max: u64, default: u64, doc: &'static str) -> Self {
        Self { name, unit: Unit::Milliseconds, min, max, default: Some(default), zero_is_off: false, doc }
    }

    /// Whether `value` lies in the range.
    #[must_use]
    pub const fn contains(&self, value: u64) -> bool {
        (value >= self.min && value <= self.max) || (value == 0 && self.zero_is_off)
    }

    /// The default as a duration; zero if there is none. Only for bounds in milliseconds.
    #[must_use]
    pub const fn default_duration(&self) -> Duration {
        match self.default {
            Some(millis) => Duration::from_millis(millis),
            None => Duration::ZERO,
        }
    }

    /// The range in words: "between 1 s and 1 h", "at most 256 characters".
    #[must_use]
    pub fn range(&self) -> String {
        let max = self.unit.show(self.max);
        let range = match self.min {
            0 => format!("at most {max}"),
            // The unit once, where it is the same.
            min if max.ends_with(self.unit.name()) => format!("between {min} and {max}"),
            min => format!("between {} and {max}", self.unit.show(min)),
        };
        if self.zero_is_off { format!("0 (off) or {range}") } else { range }
    }
}

impl Unit {
    /// `value` with the unit: "15 s", "8 MiB", "64".
    #[must_use]
    pub fn show(self, value: u64) -> String {
        const STEPS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
        match self {
            Self::Bytes if value >= 1 << 20 && value.is_multiple_of(1 << 20) => {
                format!("{} MiB", value >> 20)
            }
            Self::Bytes if value >= 1 << 10 && value.is_multiple_of(1 << 10) => {
                format!("{} KiB", value >> 10)
            }
            Self::Bytes if value == 1 => "1 byte".to_owned(),
            Self::Bytes => format!("{value} bytes"),
            Self::Characters => format!("{value} characters"),
            Self::Items | Self::Number => value.to_string(),
            Self::Milliseconds => {
                match STEPS.iter().find(|(step, _)| value >= *step && value.is_multiple_of(*step)) {
                    Some((step, unit)) => format!("{} {unit}", value / step),
                    None => format!("{value} ms"),
                }
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Characters => "characters",
            Self::Items => "items",
            Self::Milliseconds => "duration",
            Self::Number => "number",
        }
    }
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

macro_rules! bounds {
    ($($(#[$meta:meta])* $id:ident = $bound:expr;)*) => {
        $($(#[$meta])* pub const $id: Bound = $bound;)*
        /// Every bound, in the order of docs/limits.md.
        pub const ALL: &[Bound] = &[$($id),*];
    };
}

bounds! {
    /// Length of an id.
    ID = Bound { min: 1, ..Bound::most("id", Unit::Bytes, 63, "The last segment of a resource name.") };
    /// Length of a display name.
    DISPLAY_NAME = Bound::most("display_name", Unit::Characters, 256, "For people.");
    /// Length of a description.
    DESCRIPTION = Bound::most("description", Unit::Characters, 4_096, "For people.");
    /// Length of an agent's version.
    AGENT_VERSION = Bound::most("agent.version", Unit::Characters, 128, "The publisher's own version of the agent.");
    /// Number of capabilities of an agent.
    CAPABILITIES = Bound::most("agent.capabilities", Unit::Items, 64, "What the agent can do.");
    /// Length of a capability.
    CAPABILITY = Bound { min: 1, ..Bound::most("agent.capabilities[]", Unit::Characters, 128, "One capability.") };
    /// Number of labels.
    LABELS = Bound::most("labels", Unit::Items, 64, "For selection by tools and people; selectors too.");
    /// Length of a label's key.
    LABEL_KEY = Bound { min: 1, ..Bound::most("labels key", Unit::Characters, 63, "Letters, digits and . _ - /") };
    /// Length of a label's value.
    LABEL_VALUE = Bound::most("labels value", Unit::Characters, 256, "Any text.");
    /// Number of metadata entries.
    METADATA = Bound::most("agent.metadata", Unit::Items, 64, "Opaque to the gateway.");
    /// Length of a metadata key.
    METADATA_KEY = Bound { min: 1, ..Bound::most("agent.metadata key", Unit::Characters, 128, "Any text.") };
    /// Length of a metadata value.
    METADATA_VALUE = Bound::most("agent.metadata value", Unit::Characters, 4_096, "Any text.");
    /// Number of upstreams of an agent.
    UPSTREAMS = Bound::most("agent.upstreams", Unit::Items, 64, "The agent's own servers.");
    /// Number of A2A versions of an upstream.
    VERSIONS = Bound::most("agent.upstreams[].versions", Unit::Items, 16, "A2A versions that it speaks.");
    /// Number of bindings of an upstream.
    BINDINGS = Bound::most("agent.upstreams[].bindings", Unit::Items, 3, "Bindings that it speaks.");
    /// Length of a PEM text.
    PEM = Bound::most("agent.upstreams[].tls.ca_certificates_pem", Unit::Bytes, 64 << 10, "Certificates that replace the system roots.");
    /// Length of a URL.
    URL = Bound::most("url", Unit::Bytes, 2_048, "Upstream, card and public URLs.");
    /// Length of a context path.
    CONTEXT_PATH = Bound::most("agent.addresses.context_path", Unit::Bytes, 256, "An own path of the agent.");
    /// Number of hosts of an agent.
    HOSTS = Bound::most("agent.addresses.hosts", Unit::Items, 16, "Host names that belong to the agent alone.");
    /// Number of public URLs of an agent.
    PUBLIC_URLS = Bound::most("agent.addresses.public_urls", Unit::Items, 64, "Public base URLs, one for each selector.");
    /// Size of a card in a manifest.
    STATIC_CARD = Bound::most("agent.card.static_card", Unit::Bytes, 256 << 10, "The card itself as JSON, nested at most 30 levels.");
    /// Number of places where a skill is named.
    SKILL_POINTERS = Bound::most("agent.skill_selector", Unit::Items, 16, "JSON pointers into message metadata, and as many into data parts.");
    /// Length of a JSON pointer.
    SKILL_POINTER = Bound { min: 1, ..Bound::most("agent.skill_selector[]", Unit::Bytes, 512, "One JSON pointer.") };
    /// Number of host patterns of a push policy.
    PUSH_HOSTS = Bound::most("push.allowed_hosts, push.denied_hosts", Unit::Items, 256, "Hosts that webhooks may and may not name, in each list.");
    /// Number of regions of a selector.
    REGIONS = Bound::most("selector.regions", Unit::Items, 64, "Regions that a selector names.");
    /// Length of a region.
    REGION = Bound { min: 1, ..Bound::most("region", Unit::Characters, 63, "Name of a region.") };
    /// Number of plans of an agent.
    PLANS = Bound::most("agent.plans", Unit::Items, 32, "The plans that open an agent.");
    /// Idle time before a comment line on an event stream.
    HEARTBEAT_INTERVAL = Bound { zero_is_off: true, ..Bound::time("agent.heartbeat_interval", SECOND, HOUR, 15 * SECOND, "Idle time after which an event stream gets a comment line.") };
    /// Largest request body.
    MAX_BODY_BYTES = Bound { name: "agent.limits.max_body_bytes", unit: Unit::Bytes, min: 1, max: 128 << 20, default: Some(8 << 20), zero_is_off: false, doc: "Largest request body; a larger one is 413." };
    /// Time to connect to an upstream.
    CONNECT_TIMEOUT = Bound::time("agent.limits.connect_timeout", 10, MINUTE, 5 * SECOND, "Time to connect to an upstream, TLS included.");
    /// Time until the head of the answer to a blocking SendMessage.
    SEND_TIMEOUT = Bound::time("agent.limits.send_timeout", 100, DAY, 15 * MINUTE, "Time until the head of the answer to a blocking SendMessage.");
    /// Time until the head of any other unary answer.
    UNARY_TIMEOUT = Bound::time("agent.limits.unary_timeout", 100, HOUR, MINUTE, "Time until the head of any other unary answer.");
    /// Longest silence inside an event stream.
    STREAM_IDLE_TIMEOUT = Bound::time("agent.limits.stream_idle_timeout", 100, 7 * DAY, HOUR, "Longest silence of the upstream inside an event stream.");
    /// Longest life of an event stream.
    STREAM_MAX_DURATION = Bound { zero_is_off: true, ..Bound::time("agent.limits.stream_max_duration", 100, 31 * DAY, 0, "Longest life of an event stream; it then ends with the in-stream error.") };
    /// Number of rate limits of a plan.
    RATE_LIMITS = Bound::most("plan.rate_limits", Unit::Items, 16, "Rate limits of a plan; all of them apply.");
    /// Requests a period.
    RATE_LIMIT_REQUESTS = Bound { min: 1, ..Bound::most("plan.rate_limits[].requests", Unit::Number, 10_000_000, "Requests a period.") };
    /// Requests that may come at once.
    RATE_LIMIT_BURST = Bound::most("plan.rate_limits[].burst", Unit::Number, 10_000_000, "Requests that may come at once; 0 or absent means equal to requests.");
    /// Period of a rate limit.
    RATE_LIMIT_PERIOD = Bound { default: None, ..Bound::time("plan.rate_limits[].period", SECOND, 31 * DAY, 0, "Period of a rate limit; must be given.") };
    /// Time in which an empty bucket fills.
    RATE_LIMIT_REFILL = Bound { default: None, ..Bound::time("plan.rate_limits[] refill", 0, 366 * DAY, 0, "period × burst ÷ requests: the time in which a spent burst comes back.") };
    /// Open event streams.
    MAX_OPEN_STREAMS = Bound { default: Some(0), zero_is_off: true, min: 1, ..Bound::most("plan.max_open_streams", Unit::Number, 1_000_000, "Event streams open at once, per agent and consumer (or IP under keyless).") };
    /// Number of skills of a plan.
    SKILLS = Bound::most("plan.skills", Unit::Items, 1_024, "Skills that a plan opens.");
    /// Length of a skill's id.
    SKILL = Bound { min: 1, ..Bound::most("plan.skills[]", Unit::Characters, 256, "Id of a skill, as cards name it.") };
    /// Resources in a manifest.
    MANIFEST_RESOURCES = Bound::most("manifest resources", Unit::Items, 10_000, "Resources in one manifest, all kinds together.");
    /// Size of a manifest.
    MANIFEST_BYTES = Bound::most("manifest", Unit::Bytes, 16 << 20, "Size of a manifest file.");
}

/// The table of docs/limits.md.
#[must_use]
pub fn table() -> String {
    let mut out = String::from("| limit | unit | range | default | what for |\n|---|---|---|---|---|\n");
    for bound in ALL {
        let default = match bound.default {
            Some(0) if bound.zero_is_off => "off".to_owned(),
            Some(value) => bound.unit.show(value),
            None => "–".to_owned(),
        };
        let (name, unit, range) = (bound.name, bound.unit.name(), bound.range());
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| `{name}` | {unit} | {range} | {default} | {} |", bound.doc);
    }
    out
}

#[cfg(test)]
mod tests;
