//! Messages with every field set.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// Sets every field; of a oneof, the member that `choose` picks.
pub(super) struct Filler<'a> {
    /// The text of a field, by its name.
    pub(super) text: &'a mut dyn FnMut(&str) -> String,
    /// The key of an entry in a map, by the map's name.
    pub(super) key: &'a mut dyn FnMut(&str) -> String,
    /// One of so many.
    pub(super) choose: &'a mut dyn FnMut(usize) -> usize,
    /// Whether a field is set at all.
    pub(super) sets: &'a mut dyn FnMut(&str) -> bool,
}

impl Filler<'_> {
    pub(super) fn message(&mut self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for oneof in descriptor.oneofs() {
            let fields: Vec<FieldDescriptor> = oneof.fields().collect();
            let field = &fields[(self.choose)(fields.len())];
            if self.may_set(field, depth) {
                let value = self.one(field, depth);
                message.set_field(field, value);
            }
        }
        for field in descriptor.fields().filter(|field| field.containing_oneof().is_none()) {
            if self.may_set(&field, depth) {
                let value = self.field(&field, depth);
                message.set_field(&field, value);
            }
        }
        message
    }

    /// JSON nests without end.
    fn may_set(&mut self, field: &FieldDescriptor, depth: usize) -> bool {
        (depth < 7 || !matches!(field.kind(), Kind::Message(_))) && (self.sets)(field.name())
    }

    fn field(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { unreachable!() };
            let value_field = entry.map_entry_value_field();
            let count = 1 + (self.choose)(2);
            let entries = (0..count).map(|_| {
                let key = (self.key)(field.name());
                (MapKey::String(key), self.one(&value_field, depth))
            });
            return Value::Map(entries.collect());
        }
        if field.is_list() {
            let count = 1 + (self.choose)(2);
            return Value::List((0..count).map(|_| self.one(field, depth)).collect());
        }
        self.one(field, depth)
    }

    fn one(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        match field.kind() {
            Kind::String => Value::String((self.text)(field.name())),
            Kind::Bool => Value::Bool(true),
            Kind::Double => Value::F64(1.5),
            Kind::Enum(_) => Value::EnumNumber(0),
            Kind::Message(inner) => Value::Message(self.message(&inner, depth + 1)),
            other => unreachable!("{other:?}"),
        }
    }
}
