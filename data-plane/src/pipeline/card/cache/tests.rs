use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::advance;

use super::{Cache, Cached, DEFAULT_FRESH as FRESH, FAILED, STALE};

impl Cached for u32 {
    fn bytes(&self) -> usize {
        usize::try_from(*self).unwrap()
    }
}

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
        tokio::spawn(async move { *cache.get(&"a", |_| fetch).await.unwrap() })
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
    assert_eq!(*cache.get(&"a", |_| counted(&calls)).await.unwrap(), 1);
    advance(FRESH).await;
    assert_eq!(*cache.get(&"a", |_| counted(&calls)).await.unwrap(), 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(*cache.get(&"a", |_| counted(&calls)).await.unwrap(), 2);
    advance(STALE).await;
    assert_eq!(*cache.get(&"a", |_| counted(&calls)).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_answered_without_asking_again_for_a_while() {
    let cache = Cache::<&str, u32, &str>::new();
    let calls = Arc::new(AtomicU32::new(0));
    for _ in 0..3 {
        assert!(cache.get(&"a", |_| failing(&calls)).await.is_err());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    advance(FAILED).await;
    assert_eq!(*cache.get(&"a", |_| counted(&calls)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_refetch_leaves_the_old_value() {
    let cache = Cache::<&str, u32, &str>::new();
    let calls = Arc::new(AtomicU32::new(0));
    cache.get(&"a", |_| counted(&calls)).await.unwrap();
    advance(FRESH).await;
    for _ in 0..5 {
        assert_eq!(*cache.get(&"a", |_| failing(&calls)).await.unwrap(), 1);
        tokio::task::yield_now().await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_does_not_take_the_fetch_along() {
    let cache = Arc::new(Cache::<&str, u32, &str>::new());
    let calls = Arc::new(AtomicU32::new(0));
    for _ in 0..3 {
        // A fetch takes 10 ms; none of them waits as long.
        let impatient = cache.get(&"a", |_| counted(&calls));
        assert!(tokio::time::timeout(Duration::from_millis(3), impatient).await.is_err());
    }
    assert_eq!(*cache.get(&"a", |_| counted(&calls)).await.unwrap(), 1);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

fn weighing(bytes: u32) -> Fetch {
    Box::pin(async move { Ok(bytes) })
}

#[tokio::test(start_paused = true)]
async fn the_oldest_go_when_the_bytes_held_are_too_many() {
    let cache = Cache::<u32, u32, &str> { max_bytes: 1_000, ..Cache::new() };
    for key in 0..40 {
        assert_eq!(*cache.get(&key, |_| weighing(100)).await.unwrap(), 100);
        advance(Duration::from_millis(1)).await;
        assert!(cache.bytes.load(Ordering::SeqCst) <= 1_000, "{key}");
    }
    assert!(cache.entries.lock().unwrap().contains_key(&39), "the newest stays");
    assert!(!cache.entries.lock().unwrap().contains_key(&0));
    assert_eq!(*cache.get(&39, |_| weighing(7)).await.unwrap(), 100);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_go_when_the_cards_held_are_too_many() {
    let cache = Cache::<usize, u32, &str>::new();
    for key in 0..super::MAX_ENTRIES + 10 {
        cache.get(&key, |_| weighing(1)).await.unwrap();
    }
    let entries = cache.entries.lock().unwrap();
    assert!(entries.len() <= super::MAX_ENTRIES && entries.contains_key(&super::MAX_ENTRIES));
    assert_eq!(cache.bytes.load(Ordering::SeqCst), entries.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_to_be_served_is_forgotten() {
    let cache = Cache::<&str, u32, &str>::new();
    cache.get(&"old", |_| weighing(5)).await.unwrap();
    assert!(cache.get(&"failed", |_| failing(&Arc::default())).await.is_err());
    advance(STALE).await;
    cache.get(&"new", |_| weighing(3)).await.unwrap();
    cache.sweep();
    assert_eq!(cache.entries.lock().unwrap().keys().collect::<Vec<_>>(), [&"new"]);
    assert_eq!(cache.bytes.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_sees_what_is_held_however_old_it_is() {
    let cache = Cache::<&str, u32, &str>::new();
    let more = |held: Option<Arc<u32>>| async move { Ok(held.map_or(1, |held| *held + 1)) };
    for expected in 1..4 {
        assert_eq!(*cache.get(&"a", more).await.unwrap(), expected);
        advance(STALE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_the_current_value_waits_for_it() {
    let cache = Cache::<&str, u32, &str>::new();
    let calls = Arc::new(AtomicU32::new(0));
    assert_eq!(*cache.get_current(&"a", |_| counted(&calls)).await.unwrap(), 1);
    assert_eq!(*cache.get_current(&"a", |_| counted(&calls)).await.unwrap(), 1);
    advance(FRESH).await;
    assert_eq!(*cache.get_current(&"a", |_| counted(&calls)).await.unwrap(), 2);
    advance(FRESH).await;
    assert_eq!(*cache.get_current(&"a", |_| failing(&calls)).await.unwrap(), 2, "the old one is still good");
}

/// A value that says itself how long it is fresh.
#[derive(Debug)]
struct Brief(Duration);

impl Cached for Brief {
    fn bytes(&self) -> usize {
        1
    }

    fn fresh_for(&self) -> Duration {
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_may_say_how_long_it_is_fresh() {
    let cache = Cache::<&str, Brief, &str>::new();
    let calls = Arc::new(AtomicU32::new(0));
    let fetch = |_| {
        calls.fetch_add(1, Ordering::SeqCst);
        async { Ok(Brief(Duration::from_secs(5))) }
    };
    cache.get_current(&"a", fetch).await.unwrap();
    advance(Duration::from_secs(4)).await;
    cache.get_current(&"a", fetch).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    advance(Duration::from_secs(1)).await;
    cache.get_current(&"a", fetch).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
