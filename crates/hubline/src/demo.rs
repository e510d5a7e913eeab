//! The demo: a service request with two parties, people of operations, and the addresses that show them.

pub mod people;

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chat::{CenterId, Role, UserId};
use chrono::TimeDelta;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use identity::Settings;
use relay::Functions;
use serde_json::json;

use crate::tokens::{Holder, sign};

const SERVICE_REQUEST: &str = "demo";
const CUSTOMER: &str = "demo-customer";
const TECHNICIAN: &str = "demo-technician";
const CENTER: &str = "demo-center";

/// How long the demo's tokens hold: a day of looking at it.
const TTL: TimeDelta = TimeDelta::hours(24);

/// Reports the demo's service request and answers the address of its page.
///
/// The tokens travel in the address's fragment, which browsers keep to themselves.
///
/// # Errors
///
/// When tokens cannot be signed or the functions refuse the service request.
pub async fn prepare(functions: &dyn Functions, settings: &Settings, listen: SocketAddr) -> Result<String> {
    report(functions, settings).await?;
    let party = |user: &str, role: Role| {
        let holder = Holder { subject: user.parse()?, role, center: None };
        anyhow::Ok(json!({ "userId": user, "token": sign(settings, holder, TTL)? }))
    };
    let demo = json!({
        "serviceRequestId": SERVICE_REQUEST,
        "customer": party(CUSTOMER, Role::Customer)?,
        "technician": party(TECHNICIAN, Role::Technician)?,
    });
    Ok(format!("http://{listen}/#demo={}", URL_SAFE_NO_PAD.encode(demo.to_string())))
}

async fn report(functions: &dyn Functions, settings: &Settings) -> Result<()> {
    let platform = Holder { subject: UserId::parse("demo-platform")?, role: Role::Platform, center: None };
    let token = sign(settings, platform, TimeDelta::minutes(1))?;
    let report = json!({
        "customerId": CUSTOMER,
        "technicianId": TECHNICIAN,
        "serviceCenterId": CenterId::parse(CENTER)?.as_str(),
        "status": "open",
    });
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("/v1/service-requests/{SERVICE_REQUEST}"))
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Bytes::from(report.to_string()))?;
    let response = functions.call(request).await?;
    let answer = String::from_utf8_lossy(response.body());
    ensure!(response.status().is_success(), "the demo's service request was refused: {} {answer}", response.status());
    Ok(())
}
