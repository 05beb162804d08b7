//! `google.protobuf.Struct` with sorted members, so that equal messages encode to equal bytes: repeated requests and
//! stored resources are compared by theirs. The JSON form is that of `pbjson-types`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A JSON object.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Struct {
    /// Its members.
    #[prost(btree_map = "string, message", tag = "1")]
    pub fields: BTreeMap<String, Value>,
}

/// A JSON value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// What it is; `None` is read as null.
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<Kind>,
}

/// What a JSON value is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Kind {
    /// Null.
    #[prost(enumeration = "pbjson_types::NullValue", tag = "1")]
    NullValue(i32),
    /// A number.
    #[prost(double, tag = "2")]
    NumberValue(f64),
    /// A string.
    #[prost(string, tag = "3")]
    StringValue(String),
    /// A boolean.
    #[prost(bool, tag = "4")]
    BoolValue(bool),
    /// An object.
    #[prost(message, tag = "5")]
    StructValue(Struct),
    /// An array.
    #[prost(message, tag = "6")]
    ListValue(ListValue),
}

/// A JSON array.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListValue {
    /// Its elements.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

impl From<pbjson_types::Struct> for Struct {
    fn from(other: pbjson_types::Struct) -> Self {
        Self { fields: other.fields.into_iter().map(|(name, value)| (name, value.into())).collect() }
    }
}

impl From<pbjson_types::Value> for Value {
    fn from(other: pbjson_types::Value) -> Self {
        use pbjson_types::value::Kind as Other;
        let kind = other.kind.map(|kind| match kind {
            Other::NullValue(null) => Kind::NullValue(null),
            Other::NumberValue(number) => Kind::NumberValue(number),
            Other::StringValue(text) => Kind::StringValue(text),
            Other::BoolValue(flag) => Kind::BoolValue(flag),
            Other::StructValue(fields) => Kind::StructValue(fields.into()),
            Other::ListValue(list) => {
                Kind::ListValue(ListValue { values: list.values.into_iter().map(Into::into).collect() })
            }
        });
        Self { kind }
    }
}

impl<'de> Deserialize<'de> for Struct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        pbjson_types::Struct::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for Struct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            None | Some(Kind::NullValue(_)) => serializer.serialize_unit(),
            // JSON has no NaN; whole numbers are shown as they were written.
            Some(Kind::NumberValue(number)) => match whole(*number) {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(*number),
            },
            Some(Kind::StringValue(text)) => serializer.serialize_str(text),
            Some(Kind::BoolValue(flag)) => serializer.serialize_bool(*flag),
            Some(Kind::StructValue(fields)) => fields.serialize(serializer),
            Some(Kind::ListValue(list)) => list.values.serialize(serializer),
        }
    }
}

/// The integer that a number is, if a 64-bit floating point number holds it without doubt.
#[must_use]
pub fn whole(number: f64) -> Option<i64> {
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
    #[expect(clippy::cast_possible_truncation, reason = "integers of at most 53 bits fit")]
    (number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn equal_objects_encode_equally_and_come_back() {
        let names: Vec<String> =
            (0..50).map(|n| format!("\"m{n}\":[{n},null,{{\"a\":\"b\",\"f\":0.5}}]")).collect();
        let json = format!("{{{}}}", names.join(","));
        let read = || serde_json::from_str::<Struct>(&json).unwrap();
        let bytes = read().encode_to_vec();
        assert_eq!(bytes, read().encode_to_vec());
        assert_eq!(Struct::decode(&bytes[..]).unwrap(), read());
        let written = serde_json::to_value(read()).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(&json).unwrap());
        // The bytes are those of the well-known type.
        let known = pbjson_types::Struct::decode(&bytes[..]).unwrap();
        assert_eq!(Struct::from(known), read());
    }
}
