//! The token endpoint. MICROSOFT.md section 1.

use std::time::Duration;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use m365_simulator::{Cloud, SimulatorConfig, TenantSpec};
use openssl::hash::MessageDigest;
use serde_json::{Value, json};

use crate::world::{BASE, Credential, World};

const GRAPH: &str = "https://graph.microsoft.com/.default";

async fn ask(world: &World, header: &Value, claims: &Value) -> crate::world::Answer {
    world.ask_token("contoso", GRAPH, &Credential::usual().sign(header, claims)).await
}

#[tokio::test]
async fn a_good_assertion_gets_a_token_in_every_form_genuine_clients_send() {
    let world = World::quiet();
    let credential = Credential::usual();
    let sha256 = credential.thumbprint(MessageDigest::sha256());
    let sha1 = credential.thumbprint(MessageDigest::sha1());
    for header in [
        World::header(credential),
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE.encode(&sha256)}),
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": STANDARD.encode(&sha256)}),
        json!({"alg": "RS256", "typ": "JWT", "x5t": URL_SAFE.encode(&sha1)}),
    ] {
        let answer = ask(&world, &header, &world.claims("contoso")).await;
        assert_eq!(answer.status, 200, "{header} {}", answer.text());
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert!((3_599..=5_399).contains(&body["expires_in"].as_u64().unwrap()));
        assert!(answer.header("cache-control").contains("no-store"));
    }
    // Float times, no nbf, the issuer as the audience.
    let mut claims = world.claims("contoso");
    claims["exp"] = json!(claims["exp"].as_f64().unwrap() + 0.5);
    claims.as_object_mut().unwrap().remove("nbf");
    claims["aud"] = json!(format!("{BASE}/{}/v2.0", world.tenant("contoso").id));
    assert_eq!(ask(&world, &World::header(credential), &claims).await.status, 200);
}

#[tokio::test]
async fn every_flaw_of_an_assertion_is_refused_with_its_code() {
    let world = World::quiet();
    let header = World::header(Credential::usual());
    let flawed = |change: &dyn Fn(&mut Value)| {
        let mut claims = world.claims("contoso");
        change(&mut claims);
        claims
    };
    let now = world.simulator.now().as_second();
    for (code, status, claims) in [
        (50027, 400, flawed(&|claims| claims["aud"] = json!("https://login.microsoftonline.com/x"))),
        (50013, 401, flawed(&|claims| claims["iss"] = json!("someone"))),
        (50013, 401, flawed(&|claims| claims["sub"] = json!("someone"))),
        (50027, 400, flawed(&|claims| claims["jti"] = Value::Null)),
        (700_024, 401, flawed(&|claims| claims["exp"] = json!(now - 400))),
        (700_024, 401, flawed(&|claims| claims["nbf"] = json!(now + 400))),
    ] {
        let answer = ask(&world, &header, &claims).await;
        assert_eq!((answer.entra_code(), answer.status), (code, status), "{claims}");
    }
    // Within five minutes the clocks may differ.
    let skewed = flawed(&|claims| claims["exp"] = json!(now - 200));
    assert_eq!(ask(&world, &header, &skewed).await.status, 200);
    for alg in ["none", "HS256"] {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        assert_eq!(ask(&world, &header, &world.claims("contoso")).await.entra_code(), 50027);
    }
    // Signed with another algorithm than said: the signature does not verify.
    let good = Credential::usual().sign(&header, &world.claims("contoso"));
    let mut parts: Vec<&str> = good.split('.').collect();
    let other = Credential::usual().sign(&header, &world.claims("contoso"));
    parts[2] = other.rsplit('.').next().unwrap();
    let answer = world.ask_token("contoso", GRAPH, &parts.join(".")).await;
    assert_eq!(answer.entra_code(), 700_027);
    assert!(answer.text().contains("invalid signature"));
}

#[tokio::test]
async fn an_assertion_may_come_again_but_its_id_not_in_another() {
    let world = World::quiet();
    let header = World::header(Credential::usual());
    let mut claims = world.claims("contoso");
    let assertion = Credential::usual().sign(&header, &claims);
    assert_eq!(world.ask_token("contoso", GRAPH, &assertion).await.status, 200);
    assert_eq!(world.ask_token("contoso", GRAPH, &assertion).await.status, 200);
    claims["exp"] = json!(claims["exp"].as_i64().unwrap() + 1);
    assert_eq!(ask(&world, &header, &claims).await.entra_code(), 50027);
}

#[tokio::test]
async fn unknown_and_expired_certificates_are_told_apart() {
    let world = World::quiet();
    let stranger = Credential::new(1_767_225_600, 365);
    let assertion = stranger.sign(&World::header(&stranger), &world.claims("contoso"));
    let answer = world.ask_token("contoso", GRAPH, &assertion).await;
    assert_eq!((answer.status, answer.entra_code()), (401, 700_027));
    assert!(answer.text().contains("The key was not found."));

    let old = Credential::new(1_700_000_000, 10);
    world.simulator.register_certificate(Some("contoso"), &old.pem()).unwrap();
    let assertion = old.sign(&World::header(&old), &world.claims("contoso"));
    let answer = world.ask_token("contoso", GRAPH, &assertion).await;
    assert_eq!(answer.entra_code(), 700_027);
    assert!(answer.text().contains("The key used is expired."), "{}", answer.text());
    // Registered there only.
    let assertion = old.sign(&World::header(&old), &world.claims("fabrikam"));
    let answer = world.ask_token("fabrikam", GRAPH, &assertion).await;
    assert!(answer.text().contains("The key was not found."));
}

#[tokio::test]
async fn a_new_certificate_takes_its_time() {
    let config = SimulatorConfig { certificate_delay: Duration::from_mins(1), ..SimulatorConfig::default() };
    let world = World::new(config);
    let header = World::header(Credential::usual());
    assert_eq!(ask(&world, &header, &world.claims("contoso")).await.entra_code(), 700_027);
    world.simulator.advance_clock(Duration::from_secs(61));
    assert_eq!(ask(&world, &header, &world.claims("contoso")).await.status, 200);
}

#[tokio::test]
async fn tenants_applications_and_scopes_are_checked() {
    let config = SimulatorConfig {
        tenants: vec![TenantSpec::new("contoso", 0), TenantSpec { cloud: Cloud::GccHigh, ..TenantSpec::new("fabrikam", 0) }],
        ..SimulatorConfig::default()
    };
    let world = World::new(config);
    let assertion = |tenant: &str| Credential::usual().sign(&World::header(Credential::usual()), &world.claims(tenant));
    for (scope, code) in [
        ("https://graph.microsoft.com", 70011),
        ("https://graph.microsoft.com/.default https://outlook.office365.com/.default", 70011),
        ("https://vault.azure.net/.default", 500_011),
    ] {
        let answer = world.ask_token("contoso", scope, &assertion("contoso")).await;
        assert_eq!(answer.entra_code(), code, "{scope}");
    }
    // The tenant of another cloud.
    let answer = world.ask_token("fabrikam", GRAPH, &assertion("fabrikam")).await;
    assert_eq!((answer.status, answer.entra_code()), (400, 90002));
    assert_eq!(world.ask_token("fabrikam", "https://graph.microsoft.us/.default", &assertion("fabrikam")).await.status, 200);
    // The simulator's own address serves for both resources.
    assert_eq!(world.ask_token("fabrikam", &format!("{BASE}/.default"), &assertion("fabrikam")).await.status, 200);

    let form = [("content-type", "application/x-www-form-urlencoded")];
    for (segment, code) in [("11111111-1111-1111-1111-111111111111", 90002), ("nobody", 900_023), ("common", 50059)] {
        let answer = world.send("POST", &format!("/{segment}/oauth2/v2.0/token"), &form, "grant_type=x").await;
        assert_eq!(answer.entra_code(), code);
    }
    let path = format!("/{}/oauth2/v2.0/token", world.tenant("contoso").id);
    let body = "grant_type=client_credentials&client_id=11111111-1111-1111-1111-111111111111&scope=x";
    let answer = world.send("POST", &path, &form, body).await;
    assert_eq!((answer.status, answer.entra_code()), (400, 700_016));
    let answer = world.send("GET", "/nobody.example/v2.0/.well-known/openid-configuration", &[], Body::empty()).await;
    assert_eq!((answer.status, answer.entra_code()), (400, 90002));
    let answer = world.send("GET", "/contoso.example/v2.0/.well-known/openid-configuration", &[], Body::empty()).await;
    assert_eq!(answer.json()["token_endpoint"], format!("{BASE}/contoso.example/oauth2/v2.0/token"));
}

#[tokio::test]
async fn a_token_without_consent_has_no_roles_and_fails_at_the_resource() {
    let mut world = World::quiet();
    world.apply("contoso", json!([{"op": "revoke", "role": "User.Read.All"}, {"op": "revoke", "role": "Exchange.ManageAsApp"}]));
    let answer = world.graph("contoso", "/users/delta?$select=id").await;
    assert_eq!((answer.status, answer.graph_code().as_str()), (403, "Authorization_RequestDenied"));
    assert_eq!(world.graph("contoso", "/contacts/delta?$select=id").await.status, 200);
    assert_eq!(world.run("contoso", "Get-Recipient", json!({})).await.status, 401);
}

#[tokio::test]
async fn tokens_expire_and_are_for_one_resource_and_tenant() {
    let mut world = World::quiet();
    assert_eq!(world.graph("contoso", "/users/delta?$select=id").await.status, 200);
    world.simulator.advance_clock(Duration::from_mins(90));
    let answer = world.graph("contoso", "/users/delta?$select=id").await;
    assert_eq!((answer.status, answer.graph_code().as_str()), (401, "InvalidAuthenticationToken"));
    world.sign_out();
    let exchange = world.token("contoso", "outlook.office365.com").await;
    let header = [("authorization", format!("Bearer {exchange}"))];
    let answer = world.send("GET", "/v1.0/users/delta", &[("authorization", &header[0].1)], Body::empty()).await;
    assert_eq!(answer.status, 401);
    // A token of one tenant at the path of another.
    let other = world.tenant("fabrikam").id;
    let answer = world.post("contoso", &format!("/adminapi/beta/{other}/InvokeCommand"), "Get-Recipient", json!({})).await;
    assert_eq!(answer.status, 401);
}
