//! Whatever Exchange answers: rows, results of writes, and errors in every form.
#![no_main]

use engine::ports::{ContactChange, ContactWriter as _, Detail, DirectoryReader as _, NewContact, RecipientQuery};
use fuzz::{Service, tenant, wait_for};
use gal::Field;
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

fuzz_target!(|data: &[u8]| {
    let Some((which, data)) = data.split_first() else { return };
    wait_for(async {
        let tenant = tenant(Service::Resources, data);
        let guid = RecipientQuery::Guid(Uuid::nil());
        match which % 8 {
            0 => {
                let mut next: Option<String> = None;
                for _ in 0..32 {
                    match tenant.recipients(&guid, next.as_deref()).await {
                        Ok(page) if page.next.is_some() => next = page.next,
                        Ok(_) | Err(_) => break,
                    }
                }
            }
            1 => {
                for detail in [Detail::User, Detail::Contact, Detail::MailContact, Detail::Mailbox, Detail::DistributionGroup] {
                    drop(tenant.details(detail, &guid, None).await);
                }
            }
            2 => drop(tenant.accepted_domains().await),
            3 => drop(tenant.dynamic_groups().await),
            4 => {
                let name = || "galbridge-test".to_owned();
                let contact = NewContact {
                    name: name(),
                    alias: name(),
                    address: "a@contoso.example".to_owned(),
                    display_name: "A".to_owned(),
                    first_name: None,
                    last_name: None,
                    initials: None,
                };
                drop(tenant.create(&contact).await);
            }
            5 => drop(tenant.remove(Uuid::nil()).await),
            _ => {
                let change = ContactChange { values: vec![(Field::Title, Some("x".to_owned()))], ..ContactChange::default() };
                drop(tenant.change(Uuid::nil(), &change).await);
            }
        }
    });
});
