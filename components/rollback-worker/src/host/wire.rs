//! HTTP as WASI 0.2 has it: with calls that are over when they return.

use clients::{Method, Request, Response, Silence};
use wasip2::{
    clocks::monotonic_clock,
    http::{
        outgoing_handler::handle,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method as Verb, OutgoingBody,
            OutgoingRequest, RequestOptions, Scheme,
        },
    },
    io::{
        poll::{Pollable, poll},
        streams::StreamError,
    },
};

use crate::work::Transport;

/// How much of a body is written or read at once.
const PIECE: usize = 4_096;

/// The way out.
pub(crate) struct Wire;

impl Transport for Wire {
    fn call(&self, request: &Request) -> Result<Response, Silence> {
        let patience = u64::try_from(request.patience.as_nanos()).unwrap_or(u64::MAX);
        let deadline = monotonic_clock::now().saturating_add(patience);
        let (answer, body) = open(request, patience)?;
        if let Some(body) = body {
            write(body, &request.body, deadline)?;
        }
        let answer = head(&answer, deadline).inspect_err(|error| eprintln!("{}: {error}", request.subject()))?;
        let headers = answer.headers().entries();
        let text = |(name, value): (String, Vec<u8>)| Some((name, String::from_utf8(value).ok()?));
        let headers = headers.into_iter().filter_map(text).collect();
        let status = answer.status();
        let body = read(&answer, request.most, deadline)?;
        request.answer(status, headers, body)
    }
}

/// Hands the request to the host. From here on the other side may have it.
fn open(request: &Request, patience: u64) -> Result<(FutureIncomingResponse, Option<OutgoingBody>), Silence> {
    let unsendable = |()| Silence::Unreachable;
    let uri: http::Uri = request.url.parse().map_err(|_| Silence::Unreachable)?;
    let mut headers: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let has_body = !request.body.is_empty();
    if has_body || matches!(request.method, Method::Post | Method::Put | Method::Patch) {
        headers.push(("content-length".to_owned(), request.body.len().to_string().into_bytes()));
    }
    let fields = Fields::from_list(&headers).map_err(|_| Silence::Unreachable)?;
    let outgoing = OutgoingRequest::new(fields);
    outgoing.set_method(&verb(request.method)).map_err(unsendable)?;
    let scheme = if uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
    outgoing.set_scheme(Some(&scheme)).map_err(unsendable)?;
    outgoing.set_authority(uri.authority().map(http::uri::Authority::as_str)).map_err(unsendable)?;
    outgoing.set_path_with_query(uri.path_and_query().map(http::uri::PathAndQuery::as_str)).map_err(unsendable)?;
    let body = if has_body { Some(outgoing.body().map_err(unsendable)?) } else { None };
    let options = RequestOptions::new();
    // What a host does not support it does not keep to; our own deadline holds all the same.
    let _unsupported = options.set_first_byte_timeout(Some(patience)).is_err();
    let answer = handle(outgoing, Some(options)).map_err(|error| silence(&error))?;
    Ok((answer, body))
}

fn verb(method: Method) -> Verb {
    match method {
        Method::Get => Verb::Get,
        Method::Head => Verb::Head,
        Method::Post => Verb::Post,
        Method::Put => Verb::Put,
        Method::Patch => Verb::Patch,
        Method::Delete => Verb::Delete,
    }
}

/// Waits until something is ready, or the deadline has passed.
fn wait(ready: &Pollable, deadline: u64) -> Result<(), Silence> {
    let end = monotonic_clock::subscribe_instant(deadline);
    let first = poll(&[ready, &end]);
    if first.contains(&0) { Ok(()) } else { Err(Silence::TimedOut) }
}

fn write(body: OutgoingBody, bytes: &[u8], deadline: u64) -> Result<(), Silence> {
    let stream = body.write().map_err(|()| Silence::Broken)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        wait(&stream.subscribe(), deadline)?;
        let room = stream.check_write().map_err(|_| Silence::Broken)?;
        let length = rest.len().min(usize::try_from(room).unwrap_or(PIECE));
        let (now, later) = rest.split_at(length);
        stream.write(now).map_err(|_| Silence::Broken)?;
        rest = later;
    }
    stream.flush().map_err(|_| Silence::Broken)?;
    wait(&stream.subscribe(), deadline)?;
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|error| silence(&error))
}

fn head(answer: &FutureIncomingResponse, deadline: u64) -> Result<IncomingResponse, Silence> {
    wait(&answer.subscribe(), deadline)?;
    match answer.get() {
        Some(Ok(Ok(answer))) => Ok(answer),
        Some(Ok(Err(error))) => Err(silence(&error)),
        Some(Err(())) | None => Err(Silence::Broken),
    }
}

fn read(answer: &IncomingResponse, most: usize, deadline: u64) -> Result<Vec<u8>, Silence> {
    let body: IncomingBody = answer.consume().map_err(|()| Silence::Broken)?;
    let stream = body.stream().map_err(|()| Silence::Broken)?;
    let mut bytes = Vec::new();
    loop {
        wait(&stream.subscribe(), deadline)?;
        match stream.read(PIECE as u64 * 16) {
            Ok(piece) => bytes.extend(piece),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(Silence::Broken),
        }
        if bytes.len() > most {
            return Err(Silence::TooLarge);
        }
    }
}

/// What an error of the host tells: whether anything has arrived.
fn silence(error: &ErrorCode) -> Silence {
    match error {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::HttpRequestDenied
        | ErrorCode::HttpRequestUriInvalid => Silence::Unreachable,
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => Silence::TimedOut,
        ErrorCode::HttpResponseBodySize(_) => Silence::TooLarge,
        _ => Silence::Broken,
    }
}
