use engine::ports::Store;
use engine::records::{AgendaRow, Due};
use gal::Side;
use jiff::{SignedDuration, Timestamp};

use crate::samples::{at, row};

pub(super) async fn rows_come_in_the_order_of_time(store: &impl Store) {
    let tiny = AgendaRow { due: at(10) + SignedDuration::from_nanos(1), ..row(5, 0, 1) };
    let other_side = AgendaRow { side: Side::B, ..row(2, 10, 1) };
    let first = AgendaRow { due: Timestamp::MIN, ..row(9, 0, 1) };
    let rows = [row(1, 20, 1), tiny.clone(), row(2, 10, 1), other_side.clone(), row(3, -5, 1), first.clone(), row(4, 21, 1)];
    store.put_agenda("p", &rows).await.unwrap();
    store.put_agenda("p", &[]).await.unwrap();
    let due = async |until, limit| store.due("p", until, limit).await.unwrap();
    assert_eq!(due(at(20), 99).await, [first.clone(), row(3, -5, 1), row(2, 10, 1), other_side.clone(), tiny, row(1, 20, 1)]);
    assert_eq!(due(at(10), 99).await.len(), 4, "until is included, a nanosecond later is not");
    assert_eq!(due(at(20), 2).await, [first, row(3, -5, 1)]);
    assert!(due(at(20), 0).await.is_empty());
    assert!(store.due("q", at(99), 9).await.unwrap().is_empty());
    assert_eq!(due(Timestamp::MAX, 99).await.len(), 7);
}

pub(super) async fn a_row_of_another_version_stays(store: &impl Store) {
    store.put_agenda("p", &[row(1, 0, 1)]).await.unwrap();
    store.put_agenda("p", &[row(1, 0, 2)]).await.unwrap();
    store.delete_agenda("p", &[row(1, 0, 1)]).await.unwrap();
    assert_eq!(store.due("p", at(0), 9).await.unwrap(), [row(1, 0, 2)]);
    store.delete_agenda("p", &[row(1, 0, 2)]).await.unwrap();
    assert!(store.due("p", at(0), 9).await.unwrap().is_empty());
    store.delete_agenda("p", &[row(1, 0, 2)]).await.unwrap();
}

pub(super) async fn a_newer_row_is_not_replaced_by_an_older(store: &impl Store) {
    let older = AgendaRow { why: Due::Touched, ..row(1, 0, 4) };
    store.put_agenda("p", &[row(1, 0, 5), older.clone()]).await.unwrap();
    store.put_agenda("p", std::slice::from_ref(&older)).await.unwrap();
    store.delete_agenda("p", std::slice::from_ref(&older)).await.unwrap();
    assert_eq!(store.due("p", at(0), 9).await.unwrap(), [row(1, 0, 5)]);
}
