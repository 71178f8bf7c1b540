//! Drives one simulated tenant over a real socket through every request this crate can make, so that a trace of the
//! simulator (`--trace`) holds them all:
//!
//! ```text
//! cargo run -p microsoft365 --example drive -- http://127.0.0.1:4365 TENANT_ID APP_ID GROUP_ID key-and-certificate.pem
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use credentials::Credential;
use engine::ports::{Clock, ContactChange, ContactWriter, Detail, DirectoryReader, GraphCursor, NewContact, NextPage, RecipientQuery};
use gal::Field;
use gal::reading::Collection;
use jiff::Timestamp;
use microsoft365::{Budget, Hosts, Parts, SeededIds, Settings, Tenant365, Timeouts, Transport};

struct WallClock;

#[async_trait]
impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the wiring of this example")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, id, app, group, key] = arguments.as_slice() else {
        return Err("usage: drive URL TENANT_ID APP_ID GROUP_ID PEM".into());
    };
    let settings = Settings::new("driven", id.parse()?, app.parse()?, Hosts::single(url)?);
    let tenant = Tenant365::new(
        settings,
        Parts {
            transport: Transport::https(Timeouts::default())?,
            signer: Arc::new(Credential::from_bytes(&std::fs::read(key)?, None)?),
            clock: Arc::new(WallClock),
            ids: Arc::new(SeededIds::from_number(u64::from(std::process::id()))),
            budget: Budget::new(3),
            observer: None,
        },
    );
    read_graph(&tenant).await?;
    tenant.transitive_members(group.parse()?).await?;
    read_exchange(&tenant).await?;
    write(&tenant).await
}

async fn read_graph(tenant: &Tenant365) -> Result<(), Box<dyn Error>> {
    for collection in Collection::ALL {
        let mut cursor = GraphCursor::Start;
        loop {
            cursor = match tenant.changes(collection, &cursor).await?.next {
                NextPage::More(link) => GraphCursor::Enumerating(link),
                NextPage::Complete(link) => {
                    tenant.changes(collection, &GraphCursor::Delta(link)).await?;
                    break;
                }
            };
        }
    }
    Ok(())
}

async fn read_exchange(tenant: &Tenant365) -> Result<(), Box<dyn Error>> {
    let everything = RecipientQuery::CreatedIn { from: None, to: None };
    let mut next = None;
    let mut rows = Vec::new();
    loop {
        let page = tenant.recipients(&everything, next.as_deref()).await?;
        rows.extend(page.rows);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let first = rows.iter().find(|row| row.half.type_details == "MailContact").ok_or("there is no mail contact")?;
    let queries = [
        RecipientQuery::ChangedSince(first.half.when_created),
        RecipientQuery::CreatedIn { from: Some(first.half.when_created), to: Some(first.half.when_changed) },
        RecipientQuery::Guid(first.half.guid),
        RecipientQuery::Anchor(first.anchor.ok_or("the contact has no Entra id")?),
        RecipientQuery::Name("O'Hara, \"Pat\"".to_owned()),
        RecipientQuery::Address("nobody.o'hara@partner.example".to_owned()),
    ];
    let details = [
        Detail::User,
        Detail::Contact,
        Detail::MailContact,
        Detail::Mailbox,
        Detail::DistributionGroup,
        Detail::UnifiedGroup,
        Detail::DynamicGroup,
    ];
    for query in &queries {
        tenant.recipients(query, None).await?;
        for detail in details {
            tenant.details(detail, query, None).await?;
        }
    }
    tenant.accepted_domains().await?;
    tenant.dynamic_groups().await?;
    tenant.roles().await?;
    Ok(())
}

async fn write(tenant: &Tenant365) -> Result<(), Box<dyn Error>> {
    let made = tenant
        .create(&NewContact {
            name: "galbridge-0123456789abcdef".to_owned(),
            alias: "galbridge-0123456789abcdef".to_owned(),
            address: "zoe@partner.example".to_owned(),
            display_name: "Zoë Ångström".to_owned(),
            first_name: Some("Zoë".to_owned()),
            last_name: Some("Ångström".to_owned()),
            initials: Some("ZÅ".to_owned()),
        })
        .await?;
    let sample = |field: Field| match field {
        Field::ExternalEmailAddress => "zoe.new@partner.example",
        Field::CountryOrRegion => "CH",
        Field::Manager => "galbridge-0123456789abcdef",
        Field::WebPage => "https://partner.example",
        Field::Initials => "ZÅ",
        _ if field.is_set() => "one\ntwo",
        _ => "sample",
    };
    let values = |wanted: fn(Field) -> bool| Field::all().filter(move |field| wanted(*field));
    let full = ContactChange {
        values: values(|field| field != Field::CustomAttribute15).map(|field| (field, Some(sample(field).to_owned()))).collect(),
        stamp: Some((Field::CustomAttribute15, Some("galbridge1|i|t|a|made|projection|-".to_owned()))),
        hidden: Some(false),
        x500_add: vec!["/o=ExchangeLabs/ou=x/cn=Recipients/cn=zoe".to_owned()],
        ..ContactChange::default()
    };
    tenant.change(made.guid, &full).await?;
    let clearing = ContactChange {
        values: values(|field| !matches!(field, Field::CustomAttribute15 | Field::ExternalEmailAddress | Field::DisplayName))
            .map(|field| (field, None))
            .collect(),
        stamp: Some((Field::CustomAttribute15, None)),
        hidden: Some(true),
        x500_remove: full.x500_add.clone(),
        name: Some("zoe-of-the-administrator".to_owned()),
        ..ContactChange::default()
    };
    tenant.change(made.guid, &clearing).await?;
    tenant.remove(made.guid).await?;
    let guests = tenant.recipients(&RecipientQuery::CreatedIn { from: None, to: None }, None).await?.rows;
    if let Some(guest) = guests.iter().find(|row| row.half.type_details == "GuestMailUser") {
        tenant
            .change_guest(
                guest.half.guid,
                &ContactChange {
                    x500_add: Vec::new(),
                    values: full.values.into_iter().filter(|(field, _)| *field != Field::Manager).collect(),
                    ..full
                },
            )
            .await?;
    }
    Ok(())
}
