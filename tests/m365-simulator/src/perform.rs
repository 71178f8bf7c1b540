//! Everything around the work of a request: counting, faults, waiting, concurrency.

use std::sync::PoisonError;
use std::time::Duration;

use crate::config::Latency;
use crate::exchange::error::{ExchangeError, Form};
use crate::exchange::invoke;
use crate::faults::{Call, Drawn, Fault};
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::spoil::{From, early, fault_name, late};
use crate::tenant::Tenant;

/// Does the work of one request with everything around it.
pub(crate) async fn perform(
    inner: &Inner,
    asked: &Asked,
    tenant: &Tenant,
    call: Call,
    from: From,
    millis: (u64, u64),
    work: impl FnOnce(&Asked, &[Drawn]) -> Reply,
) -> Reply {
    let (drawn, wait, micro_delay, admitted) = {
        let mut state = tenant.lock();
        state.stats.arrived(call.endpoint, &call.cmdlet);
        let admitted = from != From::Exchange || state.stats.enter_exchange(inner.config.concurrency);
        if !admitted {
            state.stats.refused("concurrency");
        }
        let mut faults = inner.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = if admitted { faults.draw(&call, &mut state.chance) } else { Vec::new() };
        for one in &drawn {
            state.stats.faulted(&fault_name(one.fault));
        }
        let wait = match inner.config.latency {
            Latency::None => 0,
            Latency::Real => state.latency.between(millis.0, millis.1),
        };
        let delay: u64 = drawn.iter().filter(|one| one.fault == Fault::Delay).filter_map(|one| one.call.delay_ms).sum();
        let is_micro = |one: &Drawn| one.fault == Fault::MicroDelay;
        let micro_delay = if drawn.iter().any(is_micro) { state.chance.between(100, 600) } else { 0 };
        (drawn, wait + delay + micro_delay, micro_delay, admitted)
    };
    if !admitted {
        tenant.lock().stats.left();
        let error = ExchangeError::new("concurrency", 429, "", "").in_form(Form::E);
        return error.reply();
    }
    let early = drawn.iter().find_map(|one| early(inner, asked, tenant, one, from));
    let mut reply = if let Some(reply) = early {
        sleep(wait.min(100)).await;
        reply
    } else {
        sleep(wait * 7 / 10).await;
        let at_work = Asked { arrived: inner.clock.now(), ..asked.clone() };
        let reply = work(&at_work, &drawn);
        sleep(wait - wait * 7 / 10).await;
        late(inner, asked, &drawn, from, reply).await
    };
    let mut state = tenant.lock();
    if from == From::Exchange {
        let id = state.chance.uuid();
        reply = invoke::with_headers(reply, asked, &mut state, id);
        if micro_delay > 0 {
            reply = reply.with("X-Warnings", format!("Micro delay applied. Actual delayed: {micro_delay} msecs"));
        }
        let is_nul = reply.status == 403 && reply.body.first() == Some(&0);
        if is_nul && asked.header("accept-encoding").contains("gzip") {
            // Labelled so, and nothing that anybody could unpack.
            reply = reply.with("Content-Encoding", "gzip");
        }
        state.stats.leave_exchange();
    }
    if reply.committed {
        state.stats.wrote(asked.arrived, inner.clock.now());
    }
    state.stats.left();
    reply
}

async fn sleep(millis: u64) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}
