use super::BufferBudget;

#[test]
fn a_reservation_returns_what_it_took() {
    let budget = BufferBudget::new(100);
    let mut first = budget.reserve();
    assert!(first.grow(60));
    let mut second = budget.reserve();
    assert!(!second.grow(41));
    assert!(second.grow(40));
    assert_eq!(budget.used_bytes(), 100);
    drop(first);
    assert_eq!(budget.used_bytes(), 40);
    assert!(second.grow(60));
    drop(second);
    assert_eq!(budget.used_bytes(), 0);
}
