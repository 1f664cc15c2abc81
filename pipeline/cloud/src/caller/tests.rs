//! One call through [`crate::Aws`]: which failures are retried, how often, and how long that takes.

use std::sync::Arc;
use std::time::Duration;

use pacbot_schemas::Protocol;

use crate::testing::{
    ONE_ROLE, Scripted, VirtualClock, Wire, answer, assumed, aws, by_operation, query_error, request, scope, serve,
    with_header,
};
use crate::transport::TransportError;
use crate::{Answer, CallError, CallErrorKind, Clock, HttpTransport, LimitSettings};

const OK: &str = "<ListResponse><a/></ListResponse>";

type Sent = Result<http::Response<bytes::Bytes>, TransportError>;

/// Lists once, where every attempt is answered by `script`.
async fn list(script: impl Fn(usize) -> Sent + Send + Sync + 'static) -> (Result<Answer, CallError>, Duration) {
    let transport = Scripted::new(move |call, before| match call.operation.as_str() {
        "AssumeRole" => assumed("ROLE", 12),
        _ => script(before),
    });
    let (aws, clock) = aws(ONE_ROLE, transport);
    let ask = request("ec2", Protocol::Query, "ListThings");
    let outcome = aws.call(&scope(crate::testing::ACCOUNT, "eu-west-1"), ask).await;
    (outcome, VirtualClock::steady(&clock))
}

/// The same answer to every attempt.
async fn always(sent: Sent) -> (CallError, Duration) {
    let (outcome, took) = list(move |_| sent.clone()).await;
    (outcome.unwrap_err(), took)
}

#[tokio::test]
async fn an_answer_says_its_attempts() {
    let (outcome, took) =
        list(|before| if before < 2 { query_error(500, "InternalFailure") } else { answer(200, OK) }).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.attempts, outcome.body.as_ref()), (3, OK.as_bytes()));
    assert!(took <= Duration::from_millis(1500), "{took:?}");
}

#[tokio::test]
async fn failures_of_the_api_and_the_network_end_after_five_attempts() {
    let truncated = TransportError::Truncated { message: "eof".into() };
    for (sent, kind) in [
        (query_error(500, "InternalFailure"), CallErrorKind::Server),
        (answer(502, ""), CallErrorKind::Server),
        (answer(503, "<html>down</html>"), CallErrorKind::NotAnApi),
        (answer(200, "<ListResponse><a>"), CallErrorKind::Truncated),
        (Err(truncated), CallErrorKind::Truncated),
        (Err(TransportError::Connect { message: "refused".into() }), CallErrorKind::Transport),
        (Err(TransportError::Timeout { message: "10 s".into() }), CallErrorKind::Timeout),
    ] {
        let (error, took) = always(sent).await;
        assert_eq!((error.kind, error.attempts), (kind, 5), "{error}");
        assert!(took <= Duration::from_millis(500 + 1000 + 2000 + 4000), "{took:?}");
    }
}

#[tokio::test]
async fn throttling_gets_more_patience_than_failure() {
    let (error, took) = always(query_error(400, "Throttling")).await;
    assert_eq!((error.kind, error.attempts), (CallErrorKind::Throttled, 10));
    assert_eq!(error.to_string(), "`Throttling`: said Throttling (status 400, 10 attempts)");
    // The waits between attempts, and those of the limiter, which goes down to a request in two seconds.
    assert!(took <= Duration::from_secs(180), "{took:?}");
}

#[tokio::test]
async fn what_another_attempt_cannot_change_is_tried_once() {
    for (sent, kind) in [
        (query_error(403, "AccessDenied"), CallErrorKind::Denied),
        (query_error(400, "ValidationError"), CallErrorKind::Service),
        (answer(404, ""), CallErrorKind::Service),
        (answer(200, "<html>log in</html>"), CallErrorKind::NotAnApi),
        (answer(403, "<html>blocked</html>"), CallErrorKind::NotAnApi),
        (answer(200, ""), CallErrorKind::NotAnApi),
        (Err(TransportError::TooLarge { limit_bytes: 1 }), CallErrorKind::TooLarge),
        (Err(TransportError::NotRecorded { exchange: "x".into() }), CallErrorKind::NotRecorded),
    ] {
        let (error, took) = always(sent).await;
        assert_eq!((error.kind, error.attempts, took), (kind, 1, Duration::ZERO), "{error}");
    }
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let (outcome, took) = list(|before| match before {
        0 => with_header(query_error(503, "SlowDown"), "retry-after", "7"),
        1 => with_header(query_error(503, "ServiceUnavailable"), "retry-after", "Sat, 01 Mar 2025 06:00:30 GMT"),
        _ => answer(200, OK),
    })
    .await;
    assert_eq!(outcome.unwrap().attempts, 3);
    assert!(took >= Duration::from_secs(29) && took <= Duration::from_secs(31), "{took:?}");
}

#[tokio::test]
async fn a_server_that_wants_an_hour_is_not_asked_again() {
    let (error, took) = always(with_header(query_error(503, "SlowDown"), "retry-after", "3600")).await;
    assert_eq!((error.kind, error.attempts, took), (CallErrorKind::Throttled, 1, Duration::ZERO));
}

#[tokio::test]
async fn attempts_and_backoff_are_configured() {
    let transport = by_operation([("AssumeRole", assumed("ROLE", 12)), ("ListThings", answer(500, ""))]);
    let (aws, clock) = aws(&format!("{ONE_ROLE}\nlimits = {{ max_attempts = 2, backoff = '1ms' }}"), transport);
    let ask = request("ec2", Protocol::Query, "ListThings");
    let error = aws.call(&scope(crate::testing::ACCOUNT, "eu-west-1"), ask).await.unwrap_err();
    assert_eq!(error.attempts, 2);
    assert!(clock.steady() <= Duration::from_millis(1));
}

#[tokio::test]
async fn a_service_that_throttled_is_called_more_slowly() {
    let transport = Scripted::new(|call, before| match (call.operation.as_str(), before) {
        ("AssumeRole", _) => assumed("ROLE", 12),
        (_, 0) => query_error(503, "RequestLimitExceeded"),
        _ => answer(200, OK),
    });
    let (aws, clock) = aws(ONE_ROLE, transport);
    let place = scope(crate::testing::ACCOUNT, "eu-west-1");
    aws.call(&place, request("ec2", Protocol::Query, "ListThings")).await.unwrap();
    let began = clock.steady();
    for _ in 0..10 {
        aws.call(&place, request("ec2", Protocol::Query, "ListThings")).await.unwrap();
    }
    let took = clock.steady() - began;
    assert!(took >= Duration::from_millis(900), "{took:?}: 10 a second instead of a burst");
}

#[tokio::test]
async fn a_page_on_the_wire_is_not_an_answer() {
    let url = serve(vec![
        Wire::Bytes("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<R><Account>111122223333</Account></R>"),
        Wire::Bytes("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<!DOCTYPE html><html>log in</html>"),
    ]);
    let transport = HttpTransport::new(&LimitSettings::default()).unwrap();
    let (aws, _) = aws(&format!("endpoint = '{url}'"), Arc::new(transport));
    let ask = request("ec2", Protocol::Query, "ListThings");
    let error = aws.call(&scope(crate::testing::ACCOUNT, "eu-west-1"), ask).await.unwrap_err();
    assert_eq!((error.kind, error.status, error.attempts), (CallErrorKind::NotAnApi, Some(200), 1));
}
