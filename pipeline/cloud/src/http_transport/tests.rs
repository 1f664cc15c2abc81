use std::time::{Duration, Instant};

use crate::testing::{Wire, label, serve};

use super::*;

async fn get(settings: &str, answers: Vec<Wire>) -> Result<Response<Bytes>, TransportError> {
    let url = serve(answers);
    let transport = HttpTransport::new(&toml::from_str(settings).unwrap()).unwrap();
    transport.send(&label("1", "ec2"), Request::get(url).body(Bytes::new()).unwrap()).await
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer() {
    let wire = "HTTP/1.1 503 Slow\r\nContent-Length: 4\r\nRetry-After: 7\r\n\r\nbody";
    let response = get("", vec![Wire::Bytes(wire)]).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (503, b"body".as_slice()));
    assert_eq!(response.headers()["retry-after"], "7");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let wire = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(get("", vec![Wire::Bytes(wire)]).await.unwrap().status().as_u16(), 307);
}

#[tokio::test]
async fn a_body_cut_short_is_truncated() {
    for wire in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<ListResponse>",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<List\r\n",
    ] {
        let error = get("", vec![Wire::Bytes(wire)]).await.unwrap_err();
        assert!(matches!(error, TransportError::Truncated { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_no_connection() {
    let error = get("", vec![Wire::Bytes("")]).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let transport = HttpTransport::new(&LimitSettings::default()).unwrap();
    let request = Request::get(format!("http://{free}/?X-Amz-Signature=ff")).body(Bytes::new()).unwrap();
    let error = transport.send(&label("1", "ec2"), request).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }), "{error:?}");
    assert!(!error.to_string().contains("Signature"), "{error}");
}

#[tokio::test]
async fn silence_times_out() {
    let began = Instant::now();
    let error = get("read_timeout = '50ms'", vec![Wire::Silence]).await.unwrap_err();
    assert!(matches!(error, TransportError::Timeout { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_body_that_drips_for_ever_times_out_as_a_whole() {
    let settings = "total_timeout = '50ms'\nmax_body_bytes = 1000000000000";
    let error = get(settings, vec![Wire::Endless]).await.unwrap_err();
    assert!(matches!(error, TransportError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_huge_body_is_an_error_and_not_kept() {
    let endless = get("max_body_bytes = 10000", vec![Wire::Endless]).await.unwrap_err();
    assert_eq!(endless, TransportError::TooLarge { limit_bytes: 10_000 });
    let announced = Wire::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n");
    let announced = get("max_body_bytes = 10000", vec![announced]).await.unwrap_err();
    assert_eq!(announced, TransportError::TooLarge { limit_bytes: 10_000 });
}
