//! Protobuf without schemas: enough to write a request of a test, and to look at any answer.

use serde_json::{Map, Value, json};

const WIRE_VARINT: u64 = 0;
const WIRE_FIXED64: u64 = 1;
const WIRE_LENGTH: u64 = 2;
const WIRE_FIXED32: u64 = 5;
/// Deepest nesting that [`read`] follows.
const DEPTH_MAX: usize = 32;

/// A message in the making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a string field.
    #[must_use]
    pub fn text(self, field: u32, value: &str) -> Self {
        self.raw(field, value.as_bytes())
    }

    /// With a field of bytes.
    #[must_use]
    pub fn raw(mut self, field: u32, value: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | WIRE_LENGTH);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// With an integer, enum or boolean field.
    #[must_use]
    pub fn number(mut self, field: u32, value: u64) -> Self {
        self.varint(u64::from(field) << 3 | WIRE_VARINT);
        self.varint(value);
        self
    }

    /// With a message field.
    #[must_use]
    pub fn message(self, field: u32, value: &Self) -> Self {
        self.raw(field, &value.bytes)
    }

    /// The message as bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// One field as it lies on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field<'bytes> {
    /// Varint, or fixed 32 or 64 bits.
    Number(u64),
    /// String, bytes, message or packed numbers.
    Bytes(&'bytes [u8]),
}

/// The fields of a message in order. `None` when it is none.
#[must_use]
pub fn fields(bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut rest = bytes;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let (number, wire) = (key >> 3, key & 7);
        let field = match wire {
            WIRE_VARINT => Field::Number(varint(&mut rest)?),
            WIRE_FIXED64 => Field::Number(u64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?)),
            WIRE_FIXED32 => {
                Field::Number(u64::from(u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?)))
            }
            WIRE_LENGTH => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                Field::Bytes(take(&mut rest, length)?)
            }
            _ => return None,
        };
        if number == 0 {
            return None;
        }
        fields.push((number, field));
    }
    Some(fields)
}

/// Any message as JSON: fields by number, each with the list of its values. What can be read as text is text, what can be
/// read as a message is one, the rest is hexadecimal: equal bytes give equal JSON.
#[must_use]
pub fn read(bytes: &[u8]) -> Value {
    read_at(bytes, 0).unwrap_or_else(|| Value::String(hex::encode(bytes)))
}

/// The first text at a path of field numbers.
#[must_use]
pub fn text_at(bytes: &[u8], path: &[u64]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let found = fields(bytes)?.into_iter().find_map(|(number, field)| match field {
        Field::Bytes(inner) if number == *first => Some(inner),
        _ => None,
    })?;
    if rest.is_empty() { String::from_utf8(found.to_vec()).ok() } else { text_at(found, rest) }
}

fn read_at(bytes: &[u8], depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    let mut object = Map::new();
    for (number, field) in fields(bytes)? {
        let value = match field {
            Field::Number(value) => json!(value),
            Field::Bytes(inner) => value_of(inner, depth),
        };
        let values = object.entry(number.to_string()).or_insert_with(|| json!([]));
        values.as_array_mut()?.push(value);
    }
    Some(Value::Object(object))
}

fn value_of(bytes: &[u8], depth: usize) -> Value {
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control)) {
        return Value::String(text.to_owned());
    }
    read_at(bytes, depth + 1).unwrap_or_else(|| Value::String(hex::encode(bytes)))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'bytes>(rest: &mut &'bytes [u8], length: usize) -> Option<&'bytes [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}
