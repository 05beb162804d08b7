use proptest::prelude::*;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::{Field, Malformed, Value, fields};

fn read(bytes: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
    fields(bytes).collect()
}

#[derive(Clone, Debug)]
enum Sample {
    Varint(u64),
    Fixed64(u64),
    Bytes(Vec<u8>),
    Fixed32(u32),
    Group(Vec<(u32, Sample)>),
}

fn sample() -> impl Strategy<Value = Sample> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Sample::Varint),
        any::<u64>().prop_map(Sample::Fixed64),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Sample::Bytes),
        any::<u32>().prop_map(Sample::Fixed32),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop::collection::vec((number(), inner), 0..3).prop_map(Sample::Group)
    })
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![1..20_u32, 1..(1_u32 << 29)]
}

/// Encodes with prost's primitives.
fn encode(number: u32, sample: &Sample, out: &mut Vec<u8>) {
    match sample {
        Sample::Varint(value) => {
            encode_key(number, WireType::Varint, out);
            encode_varint(*value, out);
        }
        Sample::Fixed64(value) => {
            encode_key(number, WireType::SixtyFourBit, out);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Sample::Bytes(bytes) => {
            encode_key(number, WireType::LengthDelimited, out);
            encode_varint(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Sample::Fixed32(value) => {
            encode_key(number, WireType::ThirtyTwoBit, out);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Sample::Group(inner) => {
            encode_key(number, WireType::StartGroup, out);
            for (number, sample) in inner {
                encode(*number, sample, out);
            }
            encode_key(number, WireType::EndGroup, out);
        }
    }
}

proptest! {
    #[test]
    fn reads_what_prost_writes(samples in prop::collection::vec((number(), sample()), 0..6)) {
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for (number, sample) in &samples {
            encode(*number, sample, &mut bytes);
            ends.push(bytes.len());
        }
        let read = read(&bytes).unwrap();
        prop_assert_eq!(read.len(), samples.len());
        for (index, (field, (number, sample))) in read.iter().zip(&samples).enumerate() {
            prop_assert_eq!(field.number, *number);
            prop_assert_eq!(field.raw, &bytes[ends[index]..ends[index + 1]]);
            let value = match sample {
                Sample::Varint(value) => Value::Varint(*value),
                Sample::Fixed64(value) => Value::Fixed64(*value),
                Sample::Bytes(bytes) => Value::Bytes(bytes),
                Sample::Fixed32(value) => Value::Fixed32(*value),
                Sample::Group(_) => Value::Group,
            };
            prop_assert_eq!(field.value, value);
        }
    }

    /// What is accepted here, prost accepts as a message of unknown fields, and covers the bytes exactly.
    #[test]
    fn accepts_nothing_that_prost_refuses(bytes in prop::collection::vec(prop_oneof![0..32_u8, any::<u8>()], 0..40)) {
        let read = read(&bytes);
        let by_prost = <() as prost::Message>::decode(bytes.as_slice());
        match read {
            Ok(read) => {
                prop_assert!(by_prost.is_ok(), "{:?}", by_prost);
                let raw: Vec<u8> = read.iter().flat_map(|field| field.raw.to_vec()).collect();
                prop_assert_eq!(raw, bytes);
            }
            Err(malformed) => prop_assert!(by_prost.is_err(), "{}", malformed),
        }
    }
}

#[test]
fn refuses_what_is_no_field() {
    let overlong = [0xff; 9];
    let two_more_than_64_bits = [&[0x08], &overlong[..], &[0x02]].concat();
    let without_end = [&[0x08], &overlong[..], &[0x81, 0x00]].concat();
    for (bytes, malformed) in [
        (&[0x08][..], Malformed::Truncated),
        (&[0x80], Malformed::Truncated),
        (&[0x00, 0x00], Malformed::Tag),
        (&[0x0e], Malformed::Tag),
        (&[0x0f], Malformed::Tag),
        (&[0xf8, 0xff, 0xff, 0xff, 0x1f, 0x00], Malformed::Tag),
        (&[0x0a, 0x02, 0x00], Malformed::Truncated),
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Malformed::Truncated),
        (&[0x09, 0, 0, 0, 0, 0, 0, 0], Malformed::Truncated),
        (&[0x0d, 0, 0, 0], Malformed::Truncated),
        (&[0x0c], Malformed::Group),
        (&[0x0b, 0x14], Malformed::Group),
        (&[0x0b], Malformed::Truncated),
        (&two_more_than_64_bits, Malformed::Varint),
        (&without_end, Malformed::Varint),
    ] {
        assert_eq!(read(bytes), Err(malformed), "{bytes:x?}");
    }
    assert_eq!(read(&[0x0b; 200]), Err(Malformed::TooDeep));
}

#[test]
fn ends_after_an_error() {
    let read: Vec<_> = fields(&[0x08, 0x01, 0x08]).collect();
    assert_eq!(read.len(), 2);
    assert_eq!(read[1], Err(Malformed::Truncated));
}
