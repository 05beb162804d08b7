use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A name server that takes ten seconds, counted by each test for itself: tests run in processes or threads of their own.
macro_rules! slow_server {
    ($asked:ident, $answer:expr) => {{
        fn ask(_: Arc<str>) -> BoxFuture<'static, io::Result<Ips>> {
            Box::pin(async {
                $asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(10)).await;
                $answer
            })
        }
        Resolver { ask, ..Resolver::new(Arc::default()) }
    }};
}

#[tokio::test(start_paused = true)]
async fn callers_who_stop_waiting_leave_one_question_behind() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let resolver = slow_server!(ASKED, Ok(SmallVec::from_slice(&[IpAddr::from([192, 0, 2, 1])])));
    let host: Arc<str> = "slow.example".into();
    for _ in 0..9 {
        let impatient = tokio::time::timeout(Duration::from_secs(1), resolver.resolve(&host, 80));
        assert!(impatient.await.is_err());
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    let other: Arc<str> = "other.example".into();
    let both = tokio::join!(resolver.resolve(&host, 81), resolver.resolve(&other, 82));
    assert_eq!(both.0.unwrap()[..], ["192.0.2.1:81".parse().unwrap()]);
    assert_eq!(both.1.unwrap()[..], ["192.0.2.1:82".parse().unwrap()]);
    assert_eq!(ASKED.load(Ordering::SeqCst), 2, "one a host");
    assert!(resolver.resolve(&host, 80).now_or_never().is_some(), "the answer is remembered");
    resolver.forget(&host);
    assert!(resolver.resolve(&host, 80).await.is_ok());
    assert_eq!(ASKED.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failed_question_is_asked_again() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let resolver = slow_server!(ASKED, Err(io::Error::other("no such host")));
    let host: Arc<str> = "gone.example".into();
    for times in 1..3 {
        let all = futures_util::future::join_all((0..5).map(|_| resolver.resolve(&host, 80))).await;
        assert!(all.iter().all(|one| one.as_ref().is_err_and(|e| e.kind() == UpstreamErrorKind::Dns)));
        assert_eq!(ASKED.load(Ordering::SeqCst), times);
    }
}
