use proptest::prelude::*;

use super::TraceContext;

const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn reads_the_example_of_the_recommendation() {
    let context = TraceContext::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(context.trace_id()[..2], [0x0a, 0xf7]);
    assert_eq!(context.span_id()[6..], [0x33, 0x31]);
    assert!(context.sampled());
    assert_eq!(context.to_string(), EXAMPLE);
}

#[test]
fn refuses_what_the_recommendation_refuses() {
    for value in [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert_eq!(TraceContext::parse(value.as_bytes()), None, "{value}");
    }
}

#[test]
fn accepts_a_later_version_and_answers_in_its_own() {
    let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09-what-comes";
    let context = TraceContext::parse(later.as_bytes()).unwrap();
    assert_eq!(context.to_string(), EXAMPLE);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(trace: [u8; 16], span: [u8; 8], sampled: bool) {
        let Some(context) = TraceContext::new(trace, span, sampled) else { return Ok(()) };
        prop_assert_eq!(TraceContext::parse(&context.to_bytes()), Some(context));
        prop_assert_eq!(context.sampled(), sampled);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = TraceContext::parse(&bytes);
    }

    #[test]
    fn one_changed_byte_never_yields_an_all_zero_id(position in 0_usize..55, byte: u8) {
        let mut value = EXAMPLE.as_bytes().to_vec();
        value[position] = byte;
        if let Some(context) = TraceContext::parse(&value) {
            prop_assert!(context.trace_id() != [0; 16] && context.span_id() != [0; 8]);
        }
    }
}
