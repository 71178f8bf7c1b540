//! Whatever Graph answers: pages of changes, members, groups; in one answer or in several.
#![no_main]

use engine::ports::{DirectoryReader as _, GraphCursor, NextPage};
use fuzz::{Service, tenant, wait_for};
use gal::reading::Collection;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, data)) = data.split_first() else { return };
    wait_for(async {
        let tenant = tenant(Service::Resources, data);
        match which % 6 {
            0 => drop(tenant.transitive_members(gal::Anchor(uuid::Uuid::nil())).await),
            1 => drop(tenant.groups_of(gal::Anchor(uuid::Uuid::nil())).await),
            which => {
                let collection = Collection::ALL[usize::from(which) % Collection::ALL.len()];
                let mut cursor = GraphCursor::Start;
                // As a reading goes on, at most so many pages.
                for _ in 0..32 {
                    match tenant.changes(collection, &cursor).await.map(|page| page.next) {
                        Ok(NextPage::More(link)) => cursor = GraphCursor::Enumerating(link),
                        Ok(NextPage::Complete(_)) | Err(_) => break,
                    }
                }
            }
        }
    });
});
