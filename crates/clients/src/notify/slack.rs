//! Slack, by an incoming webhook, whose address is a secret as a whole.

use serde_json::json;

use super::NotifyError;
use crate::{Method, Rejection, Request, Response, Secret, Words};

/// The most characters of a message that Slack shows whole.
const LENGTH: usize = 3_000;

/// A channel of Slack.
#[derive(Clone, Debug)]
pub struct Slack {
    url: Secret,
}

impl Slack {
    /// The channel behind this address.
    #[must_use]
    pub const fn new(url: Secret) -> Self {
        Self { url }
    }

    /// Sends a message. Slack does not know two messages for one: they say which event of which incident they are.
    #[must_use]
    pub fn send(&self, text: &str) -> Request {
        // Slack reads <…> and & as its own; what somebody else wrote must not call a channel together by `<!channel>`.
        let plain = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let plain: String = plain.chars().take(LENGTH).collect();
        Request::new(Method::Post, self.url.expose().to_owned())
            .with_secret_address()
            .json(&json!({"text": plain, "unfurl_links": false, "unfurl_media": false}))
    }
}

/// Reads the answer to [`Slack::send`]: only the text `ok` is a success.
///
/// # Errors
/// Returns [`NotifyError`].
pub fn read_slack(response: &Response) -> Result<(), NotifyError> {
    let said = response.text().trim();
    let words = || Words::new(said);
    match (response.status, said) {
        (200, "ok") => Ok(()),
        (_, "no_service" | "no_team" | "no_active_hooks" | "channel_is_archived" | "channel_not_found") => {
            Err(NotifyError::Gone(words()))
        }
        (200 | 400, said) if is_code(said) => Err(NotifyError::NotTaken(words())),
        (404 | 410, _) => Err(NotifyError::Gone(words())),
        _ => Err(Rejection::of(response, said).into()),
    }
}

/// Whether a text is one of Slack's words for what is wrong. A page of something in between is none.
fn is_code(said: &str) -> bool {
    !said.is_empty() && said.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Retry};

    #[test]
    fn the_address_is_a_secret() {
        let request = Slack::new("https://hooks.slack.com/services/T0/B0/canary".into()).send("<!channel> a & b");
        assert_eq!(request.subject(), "POST https://hooks.slack.com");
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["text"], "&lt;!channel&gt; a &amp; b");
    }

    #[test]
    fn only_ok_is_a_success() {
        let code = |status, text| read_slack(&Response::for_test(status, &[], text)).map_err(|error| error.code());
        assert_eq!(code(200, "ok"), Ok(()));
        assert_eq!(code(200, "missing_text_or_fallback_or_attachments"), Err("not_taken"));
        assert_eq!(code(400, "invalid_payload"), Err("not_taken"));
        assert_eq!(code(200, "<html>Log in to the guest network</html>"), Err("garbled"));
        assert_eq!(code(403, "action_prohibited"), Err("forbidden"));
        assert_eq!(code(404, "no_service"), Err("gone"));
        assert_eq!(code(410, "channel_is_archived"), Err("gone"));
        assert_eq!(code(500, "rollup_error"), Err("unavailable"));
        let limited = read_slack(&Response::for_test(429, &[("retry-after", "30")], "")).unwrap_err();
        assert_eq!(limited.retry(), Retry::Later(Some(chrono::TimeDelta::seconds(30))));
    }
}
