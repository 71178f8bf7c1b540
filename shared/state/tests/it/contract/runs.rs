use engine::ports::Store;

use crate::samples::{at, operation, run};

pub(super) async fn runs_come_the_newest_first(store: &impl Store) {
    for (id, began) in [("a", 10), ("b", 30), ("c", 20), ("d", 30)] {
        store.put_run(&run(id, "p", began)).await.unwrap();
    }
    store.put_run(&run("e", "q", 40)).await.unwrap();
    let ids = async |limit| store.runs("p", limit).await.unwrap().into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(ids(9).await, ["d", "b", "c", "a"]);
    assert_eq!(ids(2).await, ["d", "b"]);
    assert!(ids(0).await.is_empty());
    assert_eq!(store.runs("q", 9).await.unwrap(), [run("e", "q", 40)]);
}

pub(super) async fn operations_come_in_order(store: &impl Store) {
    let operations: Vec<_> = (1..=120).map(|number| operation(number, 10)).collect();
    store.put_operations("r", &operations[60..], at(1_000)).await.unwrap();
    store.put_operations("r", &operations[..60], at(1_000)).await.unwrap();
    store.put_operations("r", &[], at(1_000)).await.unwrap();
    assert_eq!(store.operations("r").await.unwrap(), operations);
    assert!(store.operations("other").await.unwrap().is_empty());
}
