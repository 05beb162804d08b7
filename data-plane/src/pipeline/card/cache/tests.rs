use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::advance;

use super::{Cache, FAILED, FRESH, STALE};

type Fetch = std::pin::Pin<Box<dyn Future<Output = Result<u32, &'static str>> + Send>>;

fn counted(calls: &Arc<AtomicU32>) -> Fetch {
    let calls = Arc::clone(calls);
    Box::pin(async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(calls.fetch_add(1, Ordering::SeqCst) + 1)
    })
}

fn failing(calls: &Arc<AtomicU32>) -> Fetch {
    let calls = Arc::clone(calls);
    Box::pin(async move {
        calls.fetch_add(1, Ordering::SeqCst);
        Err("down")
    })
}

#[tokio::test(start_paused = true)]
async fn many_callers_make_one_fetch() {
    let cache = Arc::new(Cache::<&str, u32, &str>::new());
    let calls = Arc::new(AtomicU32::new(0));
    let all = (0..50).map(|_| {
        let (cache, fetch) = (Arc::clone(&cache), counted(&calls));
        tokio::spawn(async move { *cache.get(&"a", fetch).await.unwrap() })
    });
    for task in all.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), 1);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_value_is_served_while_it_is_fetched_anew() {
    let cache = Cache::<&str, u32, &str>::new();
    let calls = Arc::new(AtomicU32::new(0));
    assert_eq!(*cache.get(&"a", counted(&calls)).await.unwrap(), 1);
    advance(FRESH).await;
    assert_eq!(*cache.get(&"a", counted(&calls)).await.unwrap(), 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(*cache.get(&"a", counted(&calls)).await.unwrap(), 2);
    advance(STALE).await;
    assert_eq!(*cache.get(&"a", counted(&calls)).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_answered_without_asking_again_for_a_while() {
    let cache = Cache::<&str, u32, &str>::new();
    let calls = Arc::new(AtomicU32::new(0));
    for _ in 0..3 {
        assert!(cache.get(&"a", failing(&calls)).await.is_err());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    advance(FAILED).await;
    assert_eq!(*cache.get(&"a", counted(&calls)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_refetch_leaves_the_old_value() {
    let cache = Cache::<&str, u32, &str>::new();
    let calls = Arc::new(AtomicU32::new(0));
    cache.get(&"a", counted(&calls)).await.unwrap();
    advance(FRESH).await;
    for _ in 0..5 {
        assert_eq!(*cache.get(&"a", failing(&calls)).await.unwrap(), 1);
        tokio::task::yield_now().await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
