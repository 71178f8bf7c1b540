//! How many requests are in flight (MICROSOFT.md 7).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use engine::ports::{ContactChange, ContactWriter as _};
use futures::StreamExt as _;
use gal::Field;
use microsoft365::{Budget, Parts, Request, Response, Tenant365, Timeouts, Transport};
use serde_json::json;
use uuid::Uuid;

use crate::script::{json_reply, parts, reply, rows, settings};

/// A service that takes a while, and refuses what is over its limit or what `faulty` says.
#[derive(Default)]
struct Service {
    in_flight: AtomicUsize,
    most: AtomicUsize,
    served: AtomicU32,
    refused: AtomicU32,
}

const TAKES: Duration = Duration::from_millis(1500);

fn serve(service: &Arc<Service>, limit: usize, faulty: fn(u32) -> bool) -> Transport {
    let service = service.clone();
    let answer = move |request: Request| {
        let service = service.clone();
        async move {
            if request.uri().path().ends_with("/token") {
                return Ok(json_reply(200, &json!({"access_token": "t", "expires_in": 86399})));
            }
            let now = service.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            service.most.fetch_max(now, Ordering::SeqCst);
            let response: Response = if now > limit {
                service.refused.fetch_add(1, Ordering::SeqCst);
                reply(429, "You have reached the maximum number of concurrent requests per tenant. Please wait and try again")
            } else {
                tokio::time::sleep(TAKES).await;
                if faulty(service.served.fetch_add(1, Ordering::SeqCst)) { reply(504, "") } else { rows(&json!([])) }
            };
            service.in_flight.fetch_sub(1, Ordering::SeqCst);
            Ok(response)
        }
    };
    Transport::new(tower::service_fn(answer), Timeouts::default())
}

async fn write_many(tenants: &[Tenant365], operations: usize, at_once: usize) -> f64 {
    let change = ContactChange { values: vec![(Field::Title, Some("x".into()))], ..ContactChange::default() };
    let began = tokio::time::Instant::now();
    let work = futures::stream::iter(0..operations).map(|number| {
        let change = &change;
        let tenant = &tenants[number % tenants.len()];
        async move { tenant.change(Uuid::from_u128(number as u128 + 1), change).await.unwrap() }
    });
    work.buffer_unordered(at_once).collect::<Vec<()>>().await;
    f64::from(u32::try_from(operations).unwrap()) / began.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn three_in_flight_are_used_fully_and_never_exceeded() {
    let service = Arc::new(Service::default());
    let tenant = [Tenant365::new(settings(), parts(serve(&service, 3, |_| false)))];
    let rate = write_many(&tenant, 300, 12).await;
    let allowed = 3.0 / TAKES.as_secs_f64();
    assert!(rate > 0.95 * allowed, "{rate} of {allowed}");
    assert_eq!((service.most.load(Ordering::SeqCst), service.refused.load(Ordering::SeqCst)), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_waits_takes_no_place() {
    let service = Arc::new(Service::default());
    let tenant = [Tenant365::new(settings(), parts(serve(&service, 3, |number| number % 10 == 0)))];
    write_many(&tenant, 300, 30).await;
    let served = f64::from(service.served.load(Ordering::SeqCst));
    // Retries are requests too: what counts is that the three places were busy.
    let began_at_most = served * TAKES.as_secs_f64() / 3.0;
    assert!(served >= 330.0 && began_at_most > 0.0);
    let service = Arc::new(Service::default());
    let tenant = [Tenant365::new(settings(), parts(serve(&service, 3, |number| number % 10 == 0)))];
    let began = tokio::time::Instant::now();
    write_many(&tenant, 300, 30).await;
    let busy = f64::from(service.served.load(Ordering::SeqCst)) * TAKES.as_secs_f64() / 3.0 / began.elapsed().as_secs_f64();
    assert!(busy > 0.95, "{busy}");
}

#[tokio::test(start_paused = true)]
async fn all_clients_of_a_tenant_share_one_budget() {
    let service = Arc::new(Service::default());
    let transport = serve(&service, 3, |_| false);
    let shared: Parts = parts(transport);
    let tenants = [Tenant365::new(settings(), shared.clone()), Tenant365::new(settings(), shared)];
    write_many(&tenants, 60, 20).await;
    assert_eq!(service.most.load(Ordering::SeqCst), 3);
    let parts = Parts { budget: Budget::of_pair(3), ..parts(serve(&service, 3, |_| false)) };
    assert_eq!(Tenant365::new(settings(), parts).concurrency(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_bears_less_is_given_less() {
    let service = Arc::new(Service::default());
    let tenant = [Tenant365::new(settings(), parts(serve(&service, 2, |_| false)))];
    let rate = write_many(&tenant, 200, 12).await;
    let allowed = 2.0 / TAKES.as_secs_f64();
    assert!(rate > 0.85 * allowed, "{rate} of {allowed}");
    let refused = service.refused.load(Ordering::SeqCst);
    assert!(refused <= 20, "{refused} refusals: it must not insist");
}
