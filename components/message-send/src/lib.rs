//! Messages in: `POST /internal/messages` for relays, a batch at once, and
//! `POST /v1/service-requests/{id}/messages` for everybody, a batch of one through the same code.
//!
//! Spin routes by path alone, so the public path's `GET` comes here too and is passed on to `message-history`.

mod batch;
mod forward;

use std::rc::Rc;

use chat::{
    Activity, ErrorCode, MessageForm, NodeName, Refusal,
    wire::{Outcome, SendAnswer, SendRequest},
};
use function::{
    Answer, Identified, Instance, Request, Shown, answer, bearer, body, demand_relay, in_time, path, steady,
};
use http::{Method, StatusCode};

use crate::batch::Batch;

function::serve!(crate::handle);
function::exchange!(crate::handle);

/// Answers a request.
pub async fn handle(request: Request) -> Answer {
    steady(route(request)).await.into()
}

async fn route(request: Request) -> Result<Answer, Refusal> {
    let address = request.uri().path().to_owned();
    match (path::segments(&address).as_slice(), request.method()) {
        (["internal", "messages"], &Method::POST) => in_time(send_batch(request)).await,
        (["internal", "messages"], _) => Ok(answer::method_not_allowed("POST")),
        (["v1", "service-requests", id, "messages"], &Method::POST) => in_time(send_one(id, request)).await,
        // Whose time it takes is the other function's.
        (["v1", "service-requests", id, "messages"], &Method::GET) => forward::to_history(id, &request).await,
        (["v1", "service-requests", _, "messages"], _) => Ok(answer::method_not_allowed("GET, POST")),
        _ => Err(ErrorCode::NotFound.refusal("there is nothing at this address")),
    }
}

async fn send_batch(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let json = body::read_internal(request).await?;
    let batch::Request { node, patience, tokens, vouchers, items } = body::parse(&json)?;
    if tokens.len().max(items.len()) > SendRequest::MOST {
        return Err(ErrorCode::Malformed.refusal(format!("a batch has at most {} items and tokens", SendRequest::MOST)));
    }
    if items.is_empty() {
        // A relay that has just started: nobody waits for this yet.
        instance.database(async |db| store::rehearse(db).await).await?;
        instance.prepare_keys().await;
    }
    // A token is checked once, however many items it sends; each item gets the user of the token that it names.
    let mut actors = Vec::with_capacity(tokens.len());
    let mut vouched = Vec::new();
    for (place, token) in tokens.into_iter().enumerate() {
        let voucher = vouchers.get(place).copied().flatten();
        let identified = instance.identify_at_once(Shown { token, voucher }).await;
        actors.push(identified.map(|Identified { identity, voucher }| {
            if voucher.is_some() {
                vouched.resize(place, None);
                vouched.push(voucher);
            }
            Rc::new(identity.actor())
        }));
    }
    let sent = deliver(&instance, Batch::new(&actors, &items), node.as_ref(), patience).await?;
    Ok(answer::json(StatusCode::OK, &SendAnswer { vouchers: vouched, ..sent }))
}

async fn send_one(id: &str, request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    let actor = instance.identify(bearer(request.headers())?).await?.actor();
    instance.admit(&actor.user, Activity::Posts)?;
    path::service_request_id(id)?;
    path::no_parameters(request.uri().query())?;
    let form = MessageForm::from_json(&body::read_public(request).await?)?;
    let (client_message_id, body) = form.into_texts()?;
    let item = batch::Item {
        token: 0,
        service_request_id: id.into(),
        client_message_id: client_message_id.into(),
        body: body.into(),
    };
    let sent = deliver(&instance, Batch::new(&[Ok(Rc::new(actor))], &[item]), None, None).await?;
    match sent.outcomes.into_iter().next() {
        Some(Outcome::Stored { new: true, message }) => Ok(answer::json(StatusCode::CREATED, &message)),
        Some(Outcome::Stored { new: false, message }) => Ok(answer::json(StatusCode::OK, &message)),
        Some(Outcome::Refused { error }) => Err(error),
        Some(Outcome::Busy { .. }) | None => Err(ErrorCode::Unavailable.refusal("the outcome is not known")),
    }
}

/// Stores what can be stored, and rings the nodes that hold it, but for `node`, which reads the answer. For a conversation
/// that another transaction holds it waits so many milliseconds, if `patience` says how many.
async fn deliver(
    instance: &Instance,
    batch: Batch,
    node: Option<&NodeName>,
    patience: Option<i64>,
) -> Result<SendAnswer, Refusal> {
    let items = batch.items();
    if items.is_empty() {
        return Ok(SendAnswer { outcomes: batch.outcomes(Vec::new()), ..SendAnswer::default() });
    }
    let sent = instance.database(async |db| store::send(db, &items, patience).await).await?;
    instance.ring(batch::rings(&sent, node), &sent.epoch);
    Ok(SendAnswer {
        epoch: Some(sent.epoch),
        outcomes: batch.outcomes(sent.outcomes),
        conversations: sent.conversations.into_iter().map(batch::answered).collect(),
        vouchers: Vec::new(),
    })
}
