//! Whatever a service sends: no panic, bounded, an error of the ports.

use std::sync::Arc;

use engine::ports::{
    ContactChange, ContactWriter as _, Detail, DirectoryReader as _, GraphCursor, NewContact, ReadError, RecipientQuery, TenantError,
};
use gal::Field;
use gal::reading::Collection;
use http_body_util::StreamBody;
use microsoft365::{LARGEST_ANSWER, Tenant365, Timeouts, Transport};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::script::{Script, Step, guid, json_reply, parts, reply, settings};

async fn everything(tenant: &Tenant365) {
    for collection in Collection::ALL {
        let _ = tenant.changes(collection, &GraphCursor::Start).await;
    }
    let _ = tenant.transitive_members(gal::Anchor(guid())).await;
    let _ = tenant.recipients(&RecipientQuery::Guid(guid()), None).await;
    let _ = tenant.details(Detail::User, &RecipientQuery::Guid(guid()), None).await;
    let _ = tenant.accepted_domains().await;
    let _ = tenant.dynamic_groups().await;
    let _ = tenant.roles().await;
    let contact = NewContact {
        name: "n".into(),
        alias: "n".into(),
        address: "a@b".into(),
        display_name: "d".into(),
        first_name: None,
        last_name: None,
        initials: None,
    };
    let _ = tenant.create(&contact).await;
    let change = ContactChange { values: vec![(Field::Title, Some("x".into()))], ..ContactChange::default() };
    let _ = tenant.change(guid(), &change).await;
    let _ = tenant.remove(guid()).await;
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z|{}\"@:/.]{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = prop::sample::select(vec![
            "value",
            "@odata.nextLink",
            "@odata.deltaLink",
            "error",
            "details",
            "message",
            "innererror",
            "internalexception",
            "type",
            "access_token",
            "expires_in",
            "Guid",
            "id",
            "@adminapi.errors",
            "@adminapi.warnings",
            "EmailAddresses",
            "code",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_answer_is_survived(status in prop::sample::select(vec![200_u16, 204, 301, 400, 401, 403, 404, 410, 429, 500, 503]), bytes in prop::collection::vec(any::<u8>(), 0..120), json in json_value()) {
        paused().block_on(async {
            for answer in [reply(status, bytes), json_reply(status, &json), json_reply(status, &json!({"value": [json]}))] {
                let script = Script::new((0..400).map(|_| Step::Answer(answer.clone())));
                everything(&script.tenant()).await;
                let script = Script::new([]).with_tokens((0..400).map(|_| Step::Answer(answer.clone())));
                let _ = script.tenant().roles().await;
            }
        });
    }
}

/// A body that never ends, with an honest status.
#[tokio::test(start_paused = true)]
async fn an_endless_answer_is_cut() {
    let served = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = served.clone();
    let router = tower::service_fn(move |request: http::Request<http_body_util::Full<bytes::Bytes>>| {
        let counter = counter.clone();
        async move {
            if request.uri().path().ends_with("/token") {
                let body = bytes::Bytes::from_static(br#"{"access_token":"t","expires_in":3599}"#);
                let frames = vec![Ok::<_, std::io::Error>(http_body::Frame::data(body))];
                return Ok::<_, std::io::Error>(http::Response::new(StreamBody::new(futures::StreamExt::boxed(futures::stream::iter(
                    frames,
                )))));
            }
            let chunk = bytes::Bytes::from(vec![b' '; 1 << 20]);
            let endless = futures::stream::repeat_with(move || {
                counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Ok(http_body::Frame::data(chunk.clone()))
            });
            Ok(http::Response::new(StreamBody::new(futures::StreamExt::boxed(endless))))
        }
    });
    let tenant = Tenant365::new(settings(), parts(Transport::in_process(router, Timeouts::default())));
    let error = tenant.changes(Collection::Users, &GraphCursor::Start).await.unwrap_err();
    assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "{error:?}");
    let chunks = served.load(std::sync::atomic::Ordering::SeqCst);
    assert!(chunks <= (LARGEST_ANSWER >> 20) + 2, "{chunks} megabytes were read");
}
