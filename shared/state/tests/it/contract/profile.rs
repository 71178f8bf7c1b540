use engine::ports::{AcceptedDomain, DomainType, Store, StoreError};
use engine::records::TenantState;

use crate::samples::at;

pub(super) async fn profiles_have_a_history(store: &impl Store) {
    assert!(store.profile().await.unwrap().is_none());
    let error = store.put_profile("x", 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "there is none: {error}");
    assert_eq!(store.put_profile("client = \"contoso\"", 0).await.unwrap(), 1);
    let error = store.put_profile("x", 0).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "there is one: {error}");
    assert_eq!(store.put_profile("", 1).await.unwrap(), 2);
    assert_eq!(store.put_profile("client = \"fabrikam\"", 2).await.unwrap(), 3);
    let error = store.put_profile("x", 2).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "somebody was faster: {error}");
    let current = store.profile().await.unwrap().unwrap();
    assert_eq!((current.item.as_str(), current.version), ("client = \"fabrikam\"", 3));
}

pub(super) async fn the_installation_has_one_id(store: &impl Store) {
    let ids = futures::future::join_all(["a", "b", "c"].map(|make| store.installation(make))).await;
    let ids: Vec<String> = ids.into_iter().map(Result::unwrap).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(store.installation("d").await.unwrap(), ids[0]);
}

pub(super) async fn a_tenant_reads_back(store: &impl Store) {
    assert_eq!(store.tenant("contoso").await.unwrap(), TenantState::default());
    let domain = AcceptedDomain { domain: "contoso.example".to_owned(), domain_type: DomainType::Relay };
    let state = TenantState { creations_paused_until: Some(at(9)), accepted_domains: vec![domain] };
    store.put_tenant("contoso", &state).await.unwrap();
    store.put_tenant("fabrikam", &TenantState::default()).await.unwrap();
    assert_eq!(store.tenant("contoso").await.unwrap(), state);
}
