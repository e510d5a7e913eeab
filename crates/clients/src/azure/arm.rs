//! The resource manager, as far as servers of PostgreSQL are looked at and restored. Nothing here deletes or changes one.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rollback::ServerName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AzureError, Reason, Server, Setting, server};
use crate::{Method, Rejection, Request, Response, Secret, Words, address, fault};

/// The version of the API that everything here is written against.
const VERSION: &str = "2024-08-01";

/// A resource group, and how it is reached.
#[derive(Clone, Debug)]
pub struct Arm {
    management: String,
    subscription: String,
    group: String,
    token: Secret,
}

/// A restore: of a server, to a point in time, as a new server.
#[derive(Clone, Debug)]
pub struct Restore<'a> {
    /// The server whose backups are restored. It stays as it is.
    pub source: &'a Server,
    /// The new server.
    pub name: &'a ServerName,
    /// The point in time.
    pub point_in_time: DateTime<Utc>,
    /// The run that asks for it.
    pub run: &'a str,
}

/// A restore that was taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestoreAccepted {
    /// Where its progress is told, for [`Arm::operation`]; none when the server is there already.
    pub operation: Option<String>,
    /// When to ask for the first time.
    pub after: Option<TimeDelta>,
}

/// What belongs to a server and is listed beside it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Beside {
    /// Who may connect, by address.
    FirewallRules,
    /// Parameters.
    Configurations,
    /// Administrators of Entra.
    Administrators,
}

impl Beside {
    /// All of it.
    pub const ALL: [Self; 3] = [Self::FirewallRules, Self::Configurations, Self::Administrators];

    /// What it is called in an address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirewallRules => "firewallRules",
            Self::Configurations => "configurations",
            Self::Administrators => "administrators",
        }
    }
}

/// A page of what belongs to a server. To be added to [`Server::setup`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// What is there.
    pub setup: BTreeMap<Setting, String>,
    /// The address of the next page, for [`Arm::next`].
    pub next: Option<String>,
}

impl Arm {
    /// A resource group of a subscription, at this address (`https://management.azure.com`), with a token of Entra's.
    #[must_use]
    pub fn new(management: &str, subscription: &str, group: &str, token: Secret) -> Self {
        let (management, subscription, group) = (management.to_owned(), subscription.to_owned(), group.to_owned());
        Self { management, subscription, group, token }
    }

    /// A server. Read the answer with [`read_server`].
    #[must_use]
    pub fn server(&self, name: &ServerName) -> Request {
        self.request(Method::Get, &format!("{name}"))
    }

    /// Asks for a restored server. Sent again it is the same, since the name is: read the answer with [`read_restore`].
    #[must_use]
    pub fn restore(&self, restore: &Restore<'_>) -> Request {
        let point = restore.point_in_time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let mut body = restore.source.likeness.clone();
        if !body.is_object() {
            body = json!({});
        }
        let own = json!({
            "createMode": "PointInTimeRestore",
            "sourceServerResourceId": restore.source.id,
            "pointInTimeUTC": point,
        });
        let mut properties = body.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        properties.extend(own.as_object().cloned().unwrap_or_default());
        if let Some(body) = body.as_object_mut() {
            body.insert("location".to_owned(), restore.source.location.clone().into());
            body.insert("properties".to_owned(), properties.into());
            let tags = json!({server::RUN: restore.run, server::SOURCE: restore.source.name, server::POINT: point});
            body.insert("tags".to_owned(), tags);
        }
        self.request(Method::Put, &format!("{}", restore.name)).json(&body)
    }

    /// How far an operation has come. Read the answer with [`read_operation`](super::read_operation).
    ///
    /// # Errors
    /// Returns [`AzureError::ForeignAddress`] when it lies elsewhere: our token is not sent there.
    pub fn operation(&self, url: &str) -> Result<Request, AzureError> {
        self.follow(url)
    }

    /// What belongs to a server. Read the answer with [`read_beside`].
    #[must_use]
    pub fn beside(&self, name: &ServerName, what: Beside) -> Request {
        self.request(Method::Get, &format!("{name}/{}", what.as_str()))
    }

    /// The next page of what belongs to a server ([`Settings::next`]).
    ///
    /// # Errors
    /// Returns [`AzureError::ForeignAddress`] when it lies elsewhere.
    pub fn next(&self, page: &str) -> Result<Request, AzureError> {
        self.follow(page)
    }

    fn follow(&self, url: &str) -> Result<Request, AzureError> {
        let foreign = || AzureError::ForeignAddress(address::origin(url).unwrap_or_default());
        let url = address::at_same_origin(&self.management, url).ok_or_else(foreign)?;
        Ok(Request::get(url).bearer(&self.token))
    }

    fn request(&self, method: Method, path: &str) -> Request {
        let path = format!(
            "subscriptions/{}/resourceGroups/{}/providers/Microsoft.DBforPostgreSQL/flexibleServers/{path}?api-version={VERSION}",
            address::escaped(&self.subscription),
            address::escaped(&self.group),
        );
        Request::new(method, address::under(&self.management, &path)).bearer(&self.token)
    }
}

/// Reads the answer to [`Arm::server`]: none when there is no such server. A missing subscription or resource group is an
/// error, and so is a login that may not look: neither says that the name is free.
///
/// # Errors
/// Returns [`AzureError`].
pub fn read_server(response: &Response) -> Result<Option<Server>, AzureError> {
    match response.status {
        200 => {
            let server = Server::of(&response.json()?);
            server.map(Some).ok_or_else(|| Rejection::garbled("a server without a name").into())
        }
        404 if Reason::of(response).code == "ResourceNotFound" => Ok(None),
        _ => Err(rejection(response)),
    }
}

/// Reads the answer to [`Arm::restore`].
///
/// # Errors
/// Returns [`AzureError`]: [`AzureError::NameTaken`], [`AzureError::QuotaExceeded`], [`AzureError::OutsideWindow`],
/// [`AzureError::Busy`] and others.
pub fn read_restore(response: &Response) -> Result<RestoreAccepted, AzureError> {
    match response.status {
        200..=202 => {
            let operation = response.header("azure-asyncoperation").or_else(|| response.header("location"));
            let (operation, after) = (operation.map(str::to_owned), fault::retry_after(response));
            // Without an address to follow it must be the server itself that came back.
            let is_server = || response.json().is_ok_and(|body| Server::of(&body).is_some());
            if operation.is_none() && (response.status == 202 || !is_server()) {
                return Err(Rejection::garbled("neither an operation nor a server").into());
            }
            Ok(RestoreAccepted { operation, after })
        }
        _ => Err(rejection(response)),
    }
}

/// Reads the answer to [`Arm::beside`]. Of the parameters only those count that somebody has set.
///
/// # Errors
/// Returns [`AzureError`].
pub fn read_beside(response: &Response, what: Beside) -> Result<Settings, AzureError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        value: Vec<Found>,
        next_link: Option<String>,
    }
    #[derive(Deserialize)]
    struct Found {
        name: String,
        #[serde(default)]
        properties: Value,
    }
    if response.status != 200 {
        return Err(rejection(response));
    }
    let list: List = response.json()?;
    let setup = list.value.into_iter().filter_map(|Found { name, properties }| {
        let text = |name: &str| properties.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match what {
            Beside::FirewallRules => {
                let range = format!("{}-{}", text("startIpAddress"), text("endIpAddress"));
                Some((Setting::FirewallRule(name), range))
            }
            Beside::Configurations => {
                (text("source") == "user-override").then(|| (Setting::Parameter(name), text("value")))
            }
            Beside::Administrators => {
                let who = format!("{} ({})", text("principalName"), text("principalType"));
                Some((Setting::Administrator(name), who))
            }
        }
    });
    Ok(Settings { setup: setup.collect(), next: list.next_link.filter(|next| !next.is_empty()) })
}

fn rejection(response: &Response) -> AzureError {
    let reason = Reason::of(response);
    let (code, words) = (reason.code.as_str(), Words::new(&reason.words()));
    match (response.status, code) {
        (_, code) if code.contains("Quota") => AzureError::QuotaExceeded(words),
        (400 | 409, code) if code.contains("PointInTime") || code.contains("RestoreTime") => {
            AzureError::OutsideWindow(words)
        }
        (400 | 409, code) if code.contains("NameAlready") || code.contains("NameNotAvailable") => {
            AzureError::NameTaken(words)
        }
        (409, code) if ["Busy", "InProgress", "Conflicting", "NotReady"].iter().any(|word| code.contains(word)) => {
            AzureError::Busy { after: fault::retry_after(response), words }
        }
        _ => Rejection::of(response, &reason.words()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Retry, azure::server::tests::description};

    fn arm() -> Arm {
        Arm::new("https://management.azure.com", "s-1", "g 1", "canary".into())
    }

    const PATH: &str = "https://management.azure.com/subscriptions/s-1/resourceGroups/g%201/providers/\
                        Microsoft.DBforPostgreSQL/flexibleServers";

    #[test]
    fn a_restore_makes_a_server_like_its_source() {
        let source = Server::of(&description("orders-db")).unwrap();
        let name = ServerName::parse("orders-db-r2405010959-9a8057").unwrap();
        let point_in_time = "2024-05-01T09:59:00Z".parse().unwrap();
        let request = arm().restore(&Restore { source: &source, name: &name, point_in_time, run: "r-1" });
        assert_eq!(request.subject(), format!("PUT {PATH}/orders-db-r2405010959-9a8057"));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(
            body,
            json!({"location": "West Europe", "sku": {"name": "Standard_D2s_v3", "tier": "GeneralPurpose"},
                "tags": {"rollback-run": "r-1", "rollback-source": "orders-db", "rollback-point-in-time": "2024-05-01T09:59:00Z"},
                "properties": {"createMode": "PointInTimeRestore", "sourceServerResourceId": source.id,
                    "pointInTimeUTC": "2024-05-01T09:59:00Z",
                    "network": {"delegatedSubnetResourceId": "/subnets/a", "privateDnsZoneArmResourceId": "/zones/a"}}})
        );
    }

    #[test]
    fn a_restore_is_followed_where_it_was_asked_for() {
        let operation = "https://management.azure.com/subscriptions/s-1/op?api-version=2024-08-01";
        let headers = [("azure-asyncoperation", operation), ("location", "/other"), ("retry-after", "15")];
        let accepted = read_restore(&Response::for_test(202, &headers, "")).unwrap();
        assert_eq!(accepted.operation.as_deref(), Some(operation));
        assert_eq!(accepted.after, Some(TimeDelta::seconds(15)));
        assert!(arm().operation(operation).is_ok());
        let foreign = arm().operation("https://evil.example/op").unwrap_err();
        assert_eq!(foreign, AzureError::ForeignAddress("https://evil.example".to_owned()));
        assert_eq!(read_restore(&Response::for_test(202, &[], "")).unwrap_err().code(), "garbled");
        assert_eq!(read_restore(&Response::for_test(200, &[], "{}")).unwrap_err().code(), "garbled");
        let there = Response::of_json(200, &description("orders-db"));
        assert_eq!(read_restore(&there).unwrap().operation, None);
    }

    #[test]
    fn a_name_is_free_only_when_it_is_said_to_be() {
        let missing = |code: &str| {
            read_server(&Response::of_json(404, &json!({"error": {"code": code, "message": "not found"}})))
        };
        assert_eq!(missing("ResourceNotFound"), Ok(None));
        assert_eq!(missing("ResourceGroupNotFound").unwrap_err().code(), "not_found");
        assert_eq!(missing("").unwrap_err().code(), "not_found");
        let there = read_server(&Response::of_json(200, &description("orders-db"))).unwrap();
        assert_eq!(there.unwrap().name, "orders-db");
    }

    #[test]
    fn each_refusal_has_its_name() {
        let error = |status, code: &str| {
            let body = json!({"error": {"code": code, "message": "m"}});
            read_restore(&Response::of_json(status, &body)).unwrap_err()
        };
        assert_eq!(error(403, "AuthorizationFailed").code(), "forbidden");
        assert_eq!(error(401, "InvalidAuthenticationToken").retry(), Retry::Renewed);
        assert_eq!(error(409, "ServerNameAlreadyExists").code(), "name_taken");
        assert_eq!(error(409, "ServerIsBusy").retry(), Retry::Later(None));
        assert_eq!(error(409, "QuotaExceeded").code(), "quota_exceeded");
        assert_eq!(error(403, "SubscriptionQuotaExceeded").code(), "quota_exceeded");
        assert_eq!(error(400, "InvalidPointInTime").code(), "outside_window");
        assert_eq!(error(400, "InvalidParameterValue").code(), "invalid");
        assert_eq!(error(500, "InternalServerError").code(), "unavailable");
    }

    #[test]
    fn what_belongs_to_a_server_is_compared_too() {
        let rules = json!({"value": [{"name": "office", "properties": {"startIpAddress": "1.2.3.4", "endIpAddress": "1.2.3.4"}}]});
        let read = read_beside(&Response::of_json(200, &rules), Beside::FirewallRules).unwrap();
        assert_eq!(read.setup[&Setting::FirewallRule("office".to_owned())], "1.2.3.4-1.2.3.4");
        let parameters = json!({"value": [
            {"name": "work_mem", "properties": {"value": "64", "source": "user-override"}},
            {"name": "port", "properties": {"value": "5432", "source": "system-default"}}], "nextLink": "https://m/next"});
        let read = read_beside(&Response::of_json(200, &parameters), Beside::Configurations).unwrap();
        assert_eq!(read.setup.len(), 1);
        assert_eq!(read.next.as_deref(), Some("https://m/next"));
        let people =
            json!({"value": [{"name": "0a1b", "properties": {"principalName": "dba", "principalType": "Group"}}]});
        let read = read_beside(&Response::of_json(200, &people), Beside::Administrators).unwrap();
        assert_eq!(read.setup[&Setting::Administrator("0a1b".to_owned())], "dba (Group)");
        let path = arm().beside(&"orders-db".parse().unwrap(), Beside::FirewallRules).subject();
        assert_eq!(path, format!("GET {PATH}/orders-db/firewallRules"));
    }
}
