use crate::pipeline::exchange::Facts;
use crate::pipeline::relay::Observer;
use crate::upstream::body::ResponseBody;

fn size_of_future<A, B, C, D, F: Future>(_: fn(A, B, C, D) -> F) -> usize {
    size_of::<F>()
}

/// It is allocated and filled for every request, and stays for as long as the agent takes to answer.
#[test]
fn an_exchange_under_way_is_small() {
    let size = size_of_future(crate::pipeline::exchange);
    assert!(size <= 3 * 1024, "{size} bytes");
}

/// These stay for as long as a stream lasts.
#[test]
fn what_a_stream_holds_is_small() {
    let size = size_of::<Facts>() + size_of::<ResponseBody>() + size_of::<Observer>();
    assert!(size <= 1_200, "{size} bytes");
}
