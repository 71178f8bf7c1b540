//! What a stack keeps in its table beside the engine's state: versions of the profile, keys of applications, large answers.

use engine::ports::{Store as _, StoreError};
use jiff::{SignedDuration, Timestamp};
use state::{ApplicationKey, StateStore};
use uuid::Uuid;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}

#[tokio::test]
async fn twenty_versions_of_the_profile_are_kept_with_their_times() {
    let store = StateStore::memory().unwrap();
    store.create_table_if_missing().await.unwrap();
    for version in 0..23 {
        let text = format!("client = \"v{version}\"");
        assert_eq!(store.push_profile(&text, version, at(i64::try_from(version).unwrap())).await.unwrap(), version + 1);
    }
    let versions = store.profile_versions().await.unwrap();
    let numbers: Vec<u64> = versions.iter().map(|one| one.version).collect();
    assert_eq!(numbers, (4..=23).rev().collect::<Vec<u64>>());
    assert_eq!((versions[0].text.as_str(), versions[0].at), ("client = \"v22\"", Some(at(22))));
    let late = store.push_profile("client = \"late\"", 22, at(99)).await.unwrap_err();
    assert!(matches!(late, StoreError::Conflict { .. }), "somebody pushed in the meantime: {late}");
    assert_eq!(store.profile().await.unwrap().unwrap().version, 23);
}

#[tokio::test]
async fn a_table_is_given_on_by_whoever_has_it() {
    let store = StateStore::memory().unwrap();
    store.create_table_if_missing().await.unwrap();
    assert_eq!(store.installation("globex").await.unwrap(), "globex");
    let other = store.rename_installation("acme", "mine").await.unwrap_err();
    assert!(matches!(other, StoreError::Conflict { .. }), "{other}");
    store.rename_installation("globex", "acme").await.unwrap();
    assert_eq!(store.installation("globex").await.unwrap(), "acme");
}

#[tokio::test]
async fn keys_and_pages_read_back_and_pages_expire() {
    let store = StateStore::memory().unwrap();
    store.create_table_if_missing().await.unwrap();
    assert!(store.application_keys("contoso").await.unwrap().is_empty());
    let keys = [ApplicationKey { key_id: Uuid::max(), thumbprint: "AB".to_owned(), not_after: at(5) }];
    store.put_application_keys("contoso", &keys).await.unwrap();
    assert_eq!(store.application_keys("contoso").await.unwrap(), keys);
    let page = "{\"title\":\"Zoë 鳥\"}".repeat(20_000);
    store.put_answer_page("id", 0, &page, at(0)).await.unwrap();
    assert_eq!(store.answer_page("id", 0).await.unwrap(), Some(page));
    assert_eq!(store.answer_page("id", 1).await.unwrap(), None);
    assert_eq!(store.sweep_expired(at(0) + SignedDuration::from_hours(25)).await.unwrap(), 1);
    assert_eq!(store.answer_page("id", 0).await.unwrap(), None);
}
