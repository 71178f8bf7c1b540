//! Items that another version wrote, or that make no sense: named, and never overwritten.

use std::path::Path;

use dynoxide::Database;
use engine::ports::{Store, StoreError};
use engine::records::{LeaseKind, TenantState, WritingState};
use gal::Side;
use serde_json::{Value, json};
use state::{Loss, StateStore};

use crate::samples::{anchor, at, lease, link, link_key, operation, replica, row, run, write};

/// One of everything.
async fn fill(store: &StateStore) {
    store.installation("i").await.unwrap();
    store.put_profile("client = \"x\"", 0).await.unwrap();
    store.put_tenant("contoso", &TenantState::default()).await.unwrap();
    store.put_replicas("p", vec![write(1, None, 1)]).await.unwrap();
    store.put_link("p", &link(1), None).await.unwrap();
    store.put_seen("p", Side::A, at(0), 0, &[anchor(1)]).await.unwrap();
    store.put_group_members("p", Side::A, anchor(9), &[anchor(1)]).await.unwrap();
    store.put_run(&run("r", "p", 0)).await.unwrap();
    store.put_operations("r", &[operation(1, 5)], at(500)).await.unwrap();
    store.acquire("p", LeaseKind::Writing, &lease("x", 60), at(0)).await.unwrap();
    store.save_writing("p", "x", &WritingState::default(), Some(at(60))).await.unwrap();
}

/// Every way to read.
async fn read_all(store: &StateStore) -> Vec<Option<StoreError>> {
    let mut shards = Vec::new();
    for shard in 0..16 {
        shards.extend(store.replica_shard("p", Side::A, shard).await.err());
        shards.extend(store.link_shard("p", shard).await.err());
    }
    assert_eq!(shards.len(), 2, "one shard of each");
    let mut errors: Vec<Option<StoreError>> = shards.into_iter().map(Some).collect();
    errors.push(store.pair("p").await.err());
    errors.push(store.replica("p", Side::A, anchor(1)).await.err());
    errors.push(store.replicas("p", Side::A, &[anchor(1)]).await.err());
    errors.push(store.link("p", link_key(1)).await.err());
    errors.push(store.links("p", &[link_key(1)]).await.err());
    errors.push(store.due("p", at(9), 9).await.err());
    errors.push(store.seen("p", Side::A, at(0), 1).await.err());
    errors.push(store.group_members("p", Side::A, anchor(9)).await.err());
    errors.push(store.runs("p", 9).await.err());
    errors.push(store.operations("r").await.err());
    errors.push(store.tenant("contoso").await.err());
    errors.push(store.profile().await.err());
    errors.push(store.installation("j").await.err());
    errors
}

/// Every way to write over what is there.
async fn overwrite_all(store: &StateStore) -> Vec<Option<StoreError>> {
    vec![
        store.acquire("p", LeaseKind::Writing, &lease("x", 60), at(0)).await.err(),
        store.put_replicas("p", vec![write(1, Some(1), 2)]).await.err(),
        store.put_replicas("p", vec![write(1, None, 2)]).await.err(),
        store.put_tenant("contoso", &TenantState::default()).await.err(),
        store.put_run(&run("r", "p", 0)).await.err(),
        store.put_seen("p", Side::A, at(0), 0, &[anchor(1)]).await.err(),
        store.put_group_members("p", Side::A, anchor(9), &[anchor(2)]).await.err(),
        store.put_agenda("p", &[row(1, 0, 5)]).await.err(),
        store.delete_agenda("p", &[row(1, 0, 1)]).await.err(),
        store.put_link("p", &link(1), Some(1)).await.err(),
        store.delete_link("p", link_key(1), 1).await.err(),
        store.export(&mut Vec::new(), at(100)).await.err(),
    ]
}

/// Changes an attribute of every item in a closed file, where the item has it.
fn change_all(path: &Path, attribute: &str, value: &Value) {
    let database = Database::new(path.to_str().unwrap()).unwrap();
    let scan = serde_json::from_value(json!({"TableName": "galbridge"})).unwrap();
    let found = serde_json::to_value(database.scan(scan).unwrap()).unwrap();
    for item in found["Items"].as_array().unwrap() {
        let mut item = item.clone();
        if item.get(attribute).is_some() {
            item[attribute] = value.clone();
            let put = serde_json::from_value(json!({"TableName": "galbridge", "Item": item})).unwrap();
            database.put_item(put).unwrap();
        }
    }
}

#[tokio::test]
async fn items_of_a_newer_galbridge_are_neither_read_nor_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let store = StateStore::file(&path).unwrap();
    fill(&store).await;
    drop(store);
    change_all(&path, "v", &json!({"N": "3"}));
    let store = StateStore::file(&path).unwrap();
    let mut errors = read_all(&store).await;
    errors.push(store.holders("p", Side::A, "person1@contoso.example").await.err());
    errors.extend(overwrite_all(&store).await);
    for (number, error) in errors.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("call {number} did not notice"));
        assert!(matches!(&error, StoreError::NewerSchema { item, found: 3, known: 2 } if item.starts_with("item ")), "{number}: {error}");
    }
}

/// Schema 1 had bodies as text.
#[tokio::test]
async fn what_an_earlier_galbridge_wrote_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let store = StateStore::file(&path).unwrap();
    store.put_replicas("p", vec![write(1, None, 1)]).await.unwrap();
    drop(store);
    change_all(&path, "v", &json!({"N": "1"}));
    change_all(&path, "body", &json!({"S": serde_json::to_string(&replica(1, 1)).unwrap()}));
    let store = StateStore::file(&path).unwrap();
    assert_eq!(store.replica("p", Side::A, anchor(1)).await.unwrap(), Some(replica(1, 1)));
}

/// Once such a row was taken for the other person's, and no write ever fitted it again.
#[tokio::test]
async fn a_body_under_another_key_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let store = StateStore::file(&path).unwrap();
    store.put_replicas("p", vec![write(1, None, 1)]).await.unwrap();
    store.put_link("p", &link(1), None).await.unwrap();
    drop(store);
    for (other, read_link) in [(serde_json::to_string(&replica(2, 1)).unwrap(), false), (serde_json::to_string(&link(2)).unwrap(), true)] {
        change_all(&path, "body", &json!({"S": other}));
        let store = StateStore::file(&path).unwrap();
        let error = if read_link {
            store.link("p", link_key(1)).await.unwrap_err()
        } else {
            store.replica("p", Side::A, anchor(1)).await.unwrap_err()
        };
        assert!(matches!(&error, StoreError::Corrupt { detail, .. } if detail.contains("another")), "{error}");
    }
}

#[tokio::test]
async fn nonsense_is_named() {
    let nonsense = [
        ("v", json!({"S": "one"})),
        ("body", json!({"S": "{\"secret@contoso.example\": "})),
        ("body", json!({"N": "7"})),
        ("body", json!({"B": "c2VjcmV0QGNvbnRvc28uZXhhbXBsZQ=="})),
        ("anchors", json!({"B": "AAAA"})),
        ("writing", json!({"S": "7"})),
        ("writing", json!({"S": "[]"})),
        ("id", json!({"N": "7"})),
        ("version", json!({"N": "1.5"})),
    ];
    for (attribute, value) in nonsense {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galbridge.state");
        let store = StateStore::file(&path).unwrap();
        fill(&store).await;
        drop(store);
        change_all(&path, attribute, &value);
        let store = StateStore::file(&path).unwrap();
        let mut shards = Vec::new();
        for shard in 0..16 {
            shards.push(store.replica_shard("p", Side::A, shard).await.err());
            shards.push(store.link_shard("p", shard).await.err());
        }
        let reads = [
            store.pair("p").await.err(),
            store.replica("p", Side::A, anchor(1)).await.err(),
            store.link("p", link_key(1)).await.err(),
            store.due("p", at(9), 9).await.err(),
            store.seen("p", Side::A, at(0), 1).await.err(),
            store.group_members("p", Side::A, anchor(9)).await.err(),
            store.runs("p", 9).await.err(),
            store.operations("r").await.err(),
            store.tenant("contoso").await.err(),
            store.profile().await.err(),
            store.installation("j").await.err(),
        ];
        let errors: Vec<StoreError> = shards.into_iter().chain(reads).flatten().collect();
        assert!(!errors.is_empty(), "{attribute}");
        for error in errors {
            let named = matches!(&error, StoreError::Corrupt { item, .. } if item.starts_with("item "));
            assert!(named && !error.to_string().contains("secret"), "{attribute}: {error}");
        }
        repaired(&store, attribute).await;
    }
}

/// What is damaged is found and dropped; then everything can be read, and exported.
async fn repaired(store: &StateStore, attribute: &str) {
    let damages = store.damages().await.unwrap();
    assert!(!damages.is_empty(), "{attribute}");
    if ["id", "v"].contains(&attribute) {
        assert!(damages.iter().any(|damage| damage.loss == Loss::Installation), "{damages:?}");
        store.drop_damaged(&damages, at(9_000)).await.unwrap_err();
        assert_eq!(store.damages().await.unwrap().len(), damages.len(), "nothing is dropped with the installation's id");
        return;
    }
    store.drop_damaged(&damages, at(9_000)).await.unwrap();
    assert_eq!(store.damages().await.unwrap().len(), 0, "{attribute}");
    store.pair("p").await.unwrap();
    store.export(&mut Vec::new(), at(9_000)).await.unwrap();
    let due = store.due("p", at(9), 9).await.unwrap();
    assert_eq!(due.len(), 1, "{attribute}: a row of the agenda is told by its key");
}

/// The profile's present version is damaged or gone: the history has it, and the next push makes it whole.
#[tokio::test]
async fn the_history_stands_in_for_a_lost_profile() {
    let keys = json!({"pk": {"S": "PROFILE"}, "sk": {"S": "CURRENT"}});
    for gone in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galbridge.state");
        let store = StateStore::file(&path).unwrap();
        for version in 0..3 {
            store.push_profile(&format!("client = \"v{version}\""), version, at(0)).await.unwrap();
        }
        drop(store);
        let database = Database::new(path.to_str().unwrap()).unwrap();
        if gone {
            database.delete_item(serde_json::from_value(json!({"TableName": "galbridge", "Key": keys})).unwrap()).unwrap();
        } else {
            let found = database.get_item(serde_json::from_value(json!({"TableName": "galbridge", "Key": keys})).unwrap()).unwrap();
            let mut item = serde_json::to_value(found).unwrap()["Item"].clone();
            item["body"] = json!({"B": "c2VjcmV0"});
            database.put_item(serde_json::from_value(json!({"TableName": "galbridge", "Item": item})).unwrap()).unwrap();
        }
        drop(database);
        let store = StateStore::file(&path).unwrap();
        let read = store.profile().await.unwrap().unwrap();
        assert_eq!((read.version, read.item.as_str()), (3, "client = \"v2\""));
        let late = store.push_profile("client = \"late\"", 2, at(1)).await.unwrap_err();
        assert!(matches!(late, StoreError::Conflict { .. }), "{late}");
        assert_eq!(store.push_profile("client = \"new\"", 3, at(1)).await.unwrap(), 4);
        assert_eq!(store.profile().await.unwrap().unwrap().item, "client = \"new\"");
    }
}
