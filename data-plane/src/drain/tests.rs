use std::cell::RefCell;
use std::future::pending;

use super::*;
use crate::clock;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn each_step_waits_for_its_time() {
    let drain = Drain::new();
    let start = clock::now();
    let steps = RefCell::new(Vec::new());
    let note = |step: &'static str| steps.borrow_mut().push((step, (clock::now() - start).as_secs()));
    assert_eq!(drain.phase(), Phase::Serving);
    drain.run(&DrainSettings::default(), || note("close"), || note("end"), async || pending().await).await;
    note("exit");
    assert_eq!(steps.into_inner(), [("close", 5), ("end", 35), ("exit", 40)]);
    assert_eq!(drain.phase(), Phase::Done);
}

#[tokio::test(start_paused = true)]
async fn an_idle_data_plane_exits_without_waiting_for_the_deadline() {
    let drain = Drain::new();
    let start = clock::now();
    let idle = async || tokio::time::sleep(2 * SECOND).await;
    drain.run(&DrainSettings::default(), || (), || panic!("no stream is open"), idle).await;
    assert_eq!(clock::now() - start, 7 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn readiness_fails_before_accepting_stops() {
    let drain = Drain::new();
    let start = clock::now();
    let shared = drain.clone();
    let watching = tokio::spawn(async move {
        shared.reached(Phase::NotReady).await;
        let not_ready = clock::now() - start;
        shared.reached(Phase::Closing).await;
        (not_ready, clock::now() - start)
    });
    tokio::task::yield_now().await;
    drain.run(&DrainSettings::default(), || (), || (), async || ()).await;
    assert_eq!(watching.await.unwrap(), (Duration::ZERO, 5 * SECOND));
}
