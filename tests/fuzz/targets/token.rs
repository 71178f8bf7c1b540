//! Whatever the token endpoint answers.
#![no_main]

use engine::ports::DirectoryReader as _;
use fuzz::{Service, tenant, wait_for};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    wait_for(async {
        let tenant = tenant(Service::Entra, data);
        drop(tenant.roles().await);
        drop(tenant.accepted_domains().await);
    });
});
