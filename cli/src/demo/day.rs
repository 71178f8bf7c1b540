//! A working day, and the month after it.

use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::tale::{SUFFIX, Tale};
use super::view::{Object, View};
use crate::error::CliError;
use crate::screen::count;
use crate::show::clean;
use crate::verbs;

/// How many people a wrong script deletes.
const SCRIPT: usize = 70;

/// The first tenant, and the second.
const A: usize = 0;
const B: usize = 1;

/// Plays it.
pub(crate) async fn play(tale: &mut Tale<'_>) -> Result<(), CliError> {
    joiners(tale).await?;
    renames(tale).await?;
    leavers(tale).await?;
    peers(tale).await?;
    drift(tale).await?;
    script(tale).await?;
    month(tale).await
}

fn user(first: &str, last: &str, address: &str, title: &str) -> Value {
    json!({"op": "create", "kind": "user", "set": {
        "DisplayName": format!("{first} {last}"), "FirstName": first, "LastName": last, "PrimarySmtpAddress": address, "Title": title, "Department": "Demo"}})
}

async fn joiners(tale: &mut Tale<'_>) -> Result<(), CliError> {
    tale.scene("New people, on both sides")?;
    let (a, b) = (tale.tenants[A].domain.clone(), tale.tenants[B].domain.clone());
    let new =
        [("Zoë", "Quellwasser", "zoe.quellwasser"), ("Olúwaṣeun", "Adébáyọ̀", "oluwaseun.adebayo"), ("美咲", "高橋", "misaki.takahashi")];
    let there: Vec<Value> = new.iter().map(|(first, last, local)| user(first, last, &format!("{local}@{a}"), "Engineer")).collect();
    tale.administrator(A, there).await?;
    tale.administrator(
        B,
        vec![
            user("Miloš", "Novotný", &format!("milos.novotny@{b}"), "Buyer"),
            user("Priya", "Raman", &format!("priya.raman@{b}"), "Buyer"),
        ],
    )
    .await?;
    tale.happened("contoso hires three people, fabrikam two")?;
    tale.cycles().await?;
    let (in_a, in_b) = (tale.view(A).await?, tale.view(B).await?);
    let wanted = new
        .iter()
        .map(|(_, _, local)| (format!("{local}@{a}"), &in_b))
        .chain(["milos.novotny", "priya.raman"].map(|local| (format!("{local}@{b}"), &in_a)));
    let missing: Vec<String> =
        wanted.filter(|(address, view)| view.made_for(address).is_none_or(|contact| contact.hidden)).map(|(address, _)| address).collect();
    tale.one("all five are in the other list", missing.is_empty(), || missing.join(", "))
}

/// The people of a tenant to play with: first those whose contact is as usual.
fn pick<'v>(tale: &Tale<'_>, source: &'v View, target: &'v View, number: usize) -> Vec<(&'v Object, &'v Object)> {
    tale.people(source, target, "user").into_iter().take(number).collect()
}

async fn renames(tale: &mut Tale<'_>) -> Result<(), CliError> {
    tale.scene("Two people marry, and get new addresses")?;
    let (in_a, in_b) = (tale.view(A).await?, tale.view(B).await?);
    let domain = tale.tenants[B].domain.clone();
    let mut expected = Vec::new();
    let mut operations = Vec::new();
    for (number, (person, contact)) in pick(tale, &in_b, &in_a, 2).into_iter().enumerate() {
        let name = format!("{} Neumann-{number}", person.text("FirstName").unwrap_or("Kim"));
        let address = format!("neumann-{number}@{domain}");
        operations.push(json!({"op": "update", "anchor": person.anchor, "set": {"DisplayName": name, "LastName": format!("Neumann-{number}"), "PrimarySmtpAddress": address}}));
        tale.happened(format!("{} of fabrikam is now {} <{address}>", clean(person.title()), clean(&name)))?;
        expected.push((contact.anchor, contact.text("LegacyExchangeDN").map(str::to_owned), name, address));
    }
    tale.administrator(B, operations).await?;
    tale.cycles().await?;
    let after = tale.view(A).await?;
    for (anchor, legacy, name, address) in expected {
        let now = after.objects.get(&anchor);
        let right = now.is_some_and(|now| {
            now.title() == name && now.address().as_deref() == Some(&address) && now.text("LegacyExchangeDN") == legacy.as_deref()
        });
        tale.one("the same contact in contoso has the new name and address, and its old reply address", right, || {
            now.map_or("it is gone".to_owned(), |now| format!("{} <{:?}>", now.title(), now.address()))
        })?;
    }
    Ok(())
}

async fn leavers(tale: &mut Tale<'_>) -> Result<(), CliError> {
    tale.scene("Two people leave")?;
    let (in_a, in_b) = (tale.view(A).await?, tale.view(B).await?);
    let home = format!("{}.onmicrosoft.com", tale.tenants[A].name);
    // A namesake who holds the address that the new account would be born with stands in nobody's way.
    let alone = |person: &Object| {
        let address = person.address().unwrap_or_default();
        let local = address.split('@').next().unwrap_or_default();
        in_a.holders(&format!("{local}@{home}")).all(|holder| holder.anchor == person.anchor)
    };
    let gone: Vec<(Object, Uuid)> = pick(tale, &in_a, &in_b, usize::MAX)
        .into_iter()
        .filter(|(person, _)| alone(person))
        .map(|(person, contact)| (person.clone(), contact.anchor))
        .take(2)
        .collect();
    let operations = gone.iter().map(|(person, _)| json!({"op": "delete", "anchor": person.anchor, "permanent": true})).collect();
    tale.administrator(A, operations).await?;
    tale.happened(format!("contoso deletes {}", gone.iter().map(|(person, _)| clean(person.title())).collect::<Vec<_>>().join(" and ")))?;
    tale.known.staged = true;
    tale.cycles().await?;
    let after = tale.view(B).await?;
    let hidden = gone.iter().filter(|(_, contact)| after.objects.get(contact).is_some_and(|contact| contact.hidden)).count();
    tale.one("both contacts in fabrikam are hidden, and not yet removed", hidden == gone.len(), || format!("{hidden} are hidden"))?;

    tale.scene("One of them comes back, with a new account and the old address")?;
    let Some((person, contact)) = gone.into_iter().next() else { return Ok(()) };
    let address = person.address().unwrap_or_default();
    let (first, last) = (person.text("FirstName").unwrap_or("Kim"), person.text("LastName").unwrap_or("Doe"));
    tale.administrator(A, vec![user(first, last, &address, "Returned")]).await?;
    tale.happened(format!("contoso hires {} again", clean(person.title())))?;
    tale.cycles().await?;
    let after = tale.view(B).await?;
    let now = after.objects.get(&contact);
    let right = now.is_some_and(|now| !now.hidden && now.text("Title") == Some("Returned")) && after.holders(&address).count() == 1;
    tale.one("the very same contact is shown again, with what is new", right, || {
        now.map_or("it is gone".to_owned(), |now| format!("hidden {}, title {:?}", now.hidden, now.text("Title")))
    })
}

async fn peers(tale: &mut Tale<'_>) -> Result<(), CliError> {
    tale.scene("A shared contact is edited on both sides")?;
    let (in_a, in_b) = (tale.view(A).await?, tale.view(B).await?);
    let shared: Vec<(Uuid, Uuid, String, String)> = tale
        .people(&in_a, &in_b, "contact")
        .into_iter()
        .take(2)
        .map(|(contact, twin)| (contact.anchor, twin.anchor, contact.title().to_owned(), contact.address().unwrap_or_default()))
        .collect();
    let Some((contact, twin, title, _)) = shared.first().cloned() else { return Ok(()) };
    tale.administrator(A, vec![json!({"op": "update", "anchor": contact, "set": {"Title": "Head of Purchasing"}})]).await?;
    tale.administrator(B, vec![json!({"op": "update", "anchor": twin, "set": {"Phone": "+41 44 555 01 02"}})]).await?;
    tale.happened(format!("contoso gives {} a new title, fabrikam a telephone number", clean(&title)))?;
    tale.cycles().await?;
    let views = [tale.view(A).await?, tale.view(B).await?];
    let both = views.iter().zip([contact, twin]).filter_map(|(view, anchor)| view.objects.get(&anchor));
    let right =
        both.filter(|one| one.text("Title") == Some("Head of Purchasing") && one.text("Phone") == Some("+41 44 555 01 02")).count() == 2;
    tale.one("both sides have both edits", right, || "an edit is missing".to_owned())?;

    tale.scene("And another one, so that the edits contradict")?;
    let Some((contact, twin, title, address)) = shared.get(1).cloned() else { return Ok(()) };
    tale.administrator(A, vec![json!({"op": "update", "anchor": contact, "set": {"Title": "Director"}})]).await?;
    tale.administrator(B, vec![json!({"op": "update", "anchor": twin, "set": {"Title": "Vice President", "City": "Bern"}})]).await?;
    tale.happened(format!("contoso calls {} Director, fabrikam Vice President in Bern", clean(&title)))?;
    tale.known.differing.insert(address.clone());
    tale.cycles().await?;
    let (in_a, in_b) = (tale.view(A).await?, tale.view(B).await?);
    let text = |view: &View, anchor: Uuid, field: &str| view.objects.get(&anchor).and_then(|one| one.text(field)).map(str::to_owned);
    let held =
        text(&in_a, contact, "Title").as_deref() == Some("Director") && text(&in_b, twin, "Title").as_deref() == Some("Vice President");
    tale.one("neither title is lost: the field waits for a person", held, || {
        format!("{:?} and {:?}", text(&in_a, contact, "Title"), text(&in_b, twin, "Title"))
    })?;
    let city = text(&in_a, contact, "City");
    tale.one("everything else goes on: Bern has arrived in contoso", city.as_deref() == Some("Bern"), || format!("{city:?}"))?;
    let explained = tale.session.engine.explain(&tale.session.pair, &address).await?;
    let notes: Vec<&String> = explained.iter().flat_map(|one| &one.notes).collect();
    if let Some(note) = notes.first() {
        tale.happened(format!("galbridge explain {address}: {note}"))?;
    }
    tale.one("`explain` says so", !notes.is_empty(), || "it has no word for it".to_owned())
}

async fn drift(tale: &mut Tale<'_>) -> Result<(), CliError> {
    tale.scene("Somebody edits a published contact by hand")?;
    let (in_a, in_b) = (tale.view(A).await?, tale.view(B).await?);
    let picked = pick(tale, &in_a, &in_b, 1).first().map(|(person, contact)| ((*person).clone(), contact.anchor));
    let Some((person, contact)) = picked else { return Ok(()) };
    tale.administrator(B, vec![json!({"op": "update", "anchor": contact, "set": {"Title": "Nonsense", "DisplayName": "Wrong Name"}})])
        .await?;
    tale.happened(format!("fabrikam changes name and title of contoso's {}", clean(person.title())))?;
    tale.cycles().await?;
    let after = tale.view(B).await?;
    let now = after.objects.get(&contact);
    let right = now.is_some_and(|now| now.title() == format!("{}{SUFFIX}", person.title()) && now.text("Title") == person.text("Title"));
    tale.one("the owner's words are put right", right, || format!("{:?}", now.map(Object::title)))
}

async fn script(tale: &mut Tale<'_>) -> Result<(), CliError> {
    tale.scene("A wrong script")?;
    let (in_a, in_b) = (tale.view(A).await?, tale.view(B).await?);
    let gone: Vec<(Uuid, Uuid)> =
        pick(tale, &in_b, &in_a, SCRIPT).into_iter().map(|(person, contact)| (person.anchor, contact.anchor)).collect();
    tale.administrator(B, gone.iter().map(|(person, _)| json!({"op": "delete", "anchor": person})).collect()).await?;
    tale.happened(format!("a script in fabrikam deletes {}", count(gone.len() as u64, "user")))?;
    let domain = tale.tenants[A].domain.clone();
    tale.administrator(A, vec![user("Late", "Comer", &format!("late.comer@{domain}"), "Auditor")]).await?;
    tale.happened("and contoso hires somebody")?;
    tale.cycles().await?;
    let (after, there) = (tale.view(A).await?, tale.view(B).await?);
    let shown = |view: &View| gone.iter().filter(|(_, contact)| view.objects.get(contact).is_some_and(|contact| !contact.hidden)).count();
    let still = shown(&after);
    tale.one("the guard holds: not one contact is taken away", still == gone.len(), || format!("{still} are still shown"))?;
    let arrived = there.made_for(&format!("late.comer@{domain}")).is_some();
    tale.one("the other side is not held: the new colleague has arrived in fabrikam", arrived, || "missing".to_owned())?;

    let holds = tale.session.engine.state(&tale.session.pair).await?.writing.holds;
    let Some(checksum) = holds.a.and_then(|hold| hold.checksum) else {
        return tale.one("the hold can be approved", false, || "there is none".to_owned());
    };
    tale.scene("It was meant after all")?;
    let approved = tale.session.engine.approve(&tale.session.pair, &checksum).await?;
    tale.happened(format!("galbridge approve {checksum}  ({})", count(approved, "operation")))?;
    tale.cycles().await?;
    let still = shown(&tale.view(A).await?);
    tale.one("now the contacts are hidden", still == 0, || format!("{still} are still shown"))
}

async fn month(tale: &mut Tale<'_>) -> Result<(), CliError> {
    tale.scene("A month later")?;
    tale.pass(SignedDuration::from_hours(24 * 31)).await?;
    tale.happened("nothing happens for 31 days; cursors die, grace periods end")?;
    tale.cycles().await?;
    tale.known.staged = false;
    let ran = verbs::cycle(&tale.session, false, None).await?;
    tale.one("the next cycle has nothing to do", ran.run.is_none(), || format!("{ran:?}"))
}
