//! What the owner of a service request reports, and what its parties read of it.

use chat::{ErrorCode, FieldError, Refusal, ReportForm, Role, wire::ServiceRequest};
use function::{Answer, Instance, Request, Rings, Tags, answer, bearer, body, path};
use http::{HeaderMap, StatusCode, header};
use store::{Expected, Put};

/// Creates or replaces, and rings the nodes that hold it when something is different now.
pub(crate) async fn put(id: &str, request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    let identity = instance.identify(bearer(request.headers())?).await?;
    if !identity.roles.contains(&Role::Platform) {
        return Err(ErrorCode::Forbidden.refusal("the platform alone reports service requests"));
    }
    let id = path::service_request_id(id)?;
    path::no_parameters(request.uri().query())?;
    let expected = expected(request.headers())?;
    let report = ReportForm::from_json(&body::read_public(request).await?)?.check()?;
    let put = instance.database(async |db| store::put_service_request(db, &id, &report, &expected).await).await?;
    match put {
        Put::Stored { created, service_request, changed } => {
            if let Some(conversation) = changed {
                let mut rings = Rings::default();
                rings.add(&conversation.nodes, &conversation.event(Vec::new()));
                instance.ring(rings, &service_request.epoch);
            }
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            Ok(answer::json(status, &service_request).tagged(&service_request.tag()))
        }
        Put::ClosedInFuture => {
            let rule = "must not be in the future by more than a minute";
            Err(Refusal::invalid(vec![FieldError::new("closedAt", rule)]))
        }
        Put::Stale => {
            Err(ErrorCode::Stale.refusal("a later report is stored, or another one of the same revision: it stays"))
        }
        Put::Mismatch => Err(ErrorCode::VersionMismatch.refusal("the service request is not as it was expected to be")),
    }
}

/// For parties and the platform.
pub(crate) async fn get(id: &str, request: &Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    let actor = instance.identify(bearer(request.headers())?).await?.actor();
    let id = path::service_request_id(id)?;
    path::no_parameters(request.uri().query())?;
    let had = Tags::of(request.headers(), &header::IF_NONE_MATCH, "If-None-Match")?;
    let found = instance.database(async |db| store::service_request(db, &id, &actor).await).await?;
    let found = found.ok_or_else(|| ErrorCode::NotFound.refusal("there is no such service request"))?;
    let tag = found.tag();
    match had {
        Some(tags) if tags.weakly_match(&tag) => Ok(answer::not_modified(&tag)),
        _ => Ok(answer::json(StatusCode::OK, &found).tagged(&tag)),
    }
}

/// What is expected to be there: `If-Match` with tags that were seen, `If-None-Match: *` for nothing.
fn expected(headers: &HeaderMap) -> Result<Expected, Refusal> {
    let seen = Tags::of(headers, &header::IF_MATCH, "If-Match")?.map(|tags| match tags {
        Tags::Any => vec!["*".to_owned()],
        // A weak tag is none that a change may be bound to, so it matches nothing. A star in quotes is no star.
        Tags::These(tags) => tags
            .iter()
            .filter(|tag| !tag.weak)
            .map(|tag| ServiceRequest::reported(&tag.opaque).to_owned())
            .filter(|seen| seen != "*")
            .collect(),
    });
    let nothing = match Tags::of(headers, &header::IF_NONE_MATCH, "If-None-Match")? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::These(_)) => {
            return Err(Refusal::invalid(vec![FieldError::new("If-None-Match", "must be * with a report")]));
        }
    };
    Ok(Expected { seen, nothing })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(name: header::HeaderName, value: &str) -> Result<Expected, Refusal> {
        expected(&HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]))
    }

    #[test]
    fn a_report_may_depend_on_what_was_seen_whatever_was_said_since() {
        let seen = |texts: &[&str]| Expected {
            seen: Some(texts.iter().map(|text| (*text).to_owned()).collect()),
            nothing: false,
        };
        assert_eq!(expected(&HeaderMap::new()).unwrap(), Expected::default());
        assert_eq!(of(header::IF_MATCH, "*").unwrap(), seen(&["*"]));
        assert_eq!(of(header::IF_MATCH, r#""e.3.12", "x""#).unwrap(), seen(&["e.3", "x"]));
        for nothing in [r#"W/"e.3.12""#, r#""*""#, r#""*.1""#] {
            assert_eq!(of(header::IF_MATCH, nothing).unwrap(), seen(&[]), "{nothing}");
        }
        assert!(of(header::IF_NONE_MATCH, "*").unwrap().nothing);
        assert_eq!(of(header::IF_NONE_MATCH, r#""e.3.12""#).unwrap_err().errors[0].field, "If-None-Match");
    }
}
