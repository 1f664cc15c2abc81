use http::HeaderValue;

use super::*;

fn response(status: u16, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn error(protocol: Protocol, status: u16, body: &str) -> CallError {
    judge(protocol, "ListThings", response(status, body)).unwrap_err()
}

#[test]
fn every_protocol_says_its_code_in_its_own_place() {
    let ec2 = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>InvalidID.NotFound</Code>\
        <Message>no &lt;such&gt; thing</Message></Error></Errors><RequestID>1</RequestID></Response>";
    let query = "<ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>InvalidID.NotFound</Code>\
        <Message>no &lt;such&gt; thing</Message></Error><RequestId>1</RequestId></ErrorResponse>";
    let s3 = "<?xml version=\"1.0\"?>\n<Error><Code>InvalidID.NotFound</Code><Message>no &lt;such&gt; thing</Message></Error>";
    let typed = r#"{"__type":"com.amazonaws.x#InvalidID.NotFound","message":"no <such> thing"}"#;
    let coded = r#"{"code":"InvalidID.NotFound","Message":"no <such> thing"}"#;
    for (protocol, body) in [
        (Protocol::Ec2, ec2),
        (Protocol::Query, query),
        (Protocol::RestXml, query),
        (Protocol::RestXml, s3),
        (Protocol::Json10, typed),
        (Protocol::Json11, typed),
        (Protocol::RestJson, coded),
    ] {
        let error = error(protocol, 400, body);
        assert_eq!(error.kind, CallErrorKind::Service, "{protocol:?}");
        assert_eq!(error.code.as_deref(), Some("InvalidID.NotFound"), "{protocol:?}");
        assert_eq!(error.message, "no <such> thing", "{protocol:?}");
        assert_eq!(error.status, Some(400), "{protocol:?}");
    }
}

#[test]
fn the_error_type_header_wins_and_loses_its_suffix() {
    let mut response = response(404, r#"{"message":"gone"}"#);
    let header = HeaderValue::from_static("ResourceNotFoundException:http://internal.amazon.com/coral/x/");
    response.headers_mut().insert(ERROR_TYPE, header);
    let error = judge(Protocol::RestJson, "GetThing", response).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ResourceNotFoundException"));
}

#[test]
fn codes_have_kinds() {
    for (code, status, kind) in [
        ("AccessDenied", 403, CallErrorKind::Denied),
        ("AccessDeniedException", 400, CallErrorKind::Denied),
        ("UnauthorizedOperation", 403, CallErrorKind::Denied),
        ("Client.NotAuthorizedException", 400, CallErrorKind::Denied),
        ("AuthFailure", 401, CallErrorKind::Denied),
        ("OptInRequired", 401, CallErrorKind::Denied),
        ("UnrecognizedClientException", 400, CallErrorKind::Denied),
        ("InvalidClientTokenId", 403, CallErrorKind::Denied),
        ("ExpiredToken", 403, CallErrorKind::Expired),
        ("ExpiredTokenException", 400, CallErrorKind::Expired),
        ("RequestExpired", 400, CallErrorKind::Expired),
        ("RequestLimitExceeded", 503, CallErrorKind::Throttled),
        ("ThrottlingException", 400, CallErrorKind::Throttled),
        ("SlowDown", 503, CallErrorKind::Throttled),
        ("InternalFailure", 500, CallErrorKind::Server),
        ("Unheard", 502, CallErrorKind::Server),
        ("NoSuchEntity", 404, CallErrorKind::Service),
        ("NoSuchBucketPolicy", 404, CallErrorKind::Service),
    ] {
        assert_eq!(classify(Some(code), StatusCode::from_u16(status).unwrap()), kind, "{code}");
    }
}

#[test]
fn a_status_without_a_code_has_a_kind() {
    for (status, kind) in [
        (401, CallErrorKind::Denied),
        (403, CallErrorKind::Denied),
        (404, CallErrorKind::Service),
        (429, CallErrorKind::Throttled),
        (503, CallErrorKind::Server),
        (302, CallErrorKind::NotAnApi),
    ] {
        assert_eq!(error(Protocol::RestXml, status, "").kind, kind, "{status}");
    }
}

#[test]
fn a_page_is_never_an_answer() {
    for page in ["<!DOCTYPE html><html><body>x</body></html>", "\n<HTML></HTML>", "<?xml version='1.0'?><html></html>"]
    {
        for (protocol, status) in
            [(Protocol::Ec2, 200), (Protocol::Json11, 200), (Protocol::RestXml, 403), (Protocol::RestJson, 503)]
        {
            let error = error(protocol, status, page);
            assert_eq!((error.kind, error.status), (CallErrorKind::NotAnApi, Some(status)), "{page}");
        }
    }
}

#[test]
fn an_empty_body_answers_only_what_writes() {
    for protocol in [Protocol::Ec2, Protocol::Query, Protocol::RestXml, Protocol::Json11, Protocol::RestJson] {
        assert_eq!(error(protocol, 200, " \n").kind, CallErrorKind::NotAnApi, "{protocol:?}");
        assert!(judge(protocol, "EnableKeyRotation", response(200, "")).is_ok(), "{protocol:?}");
    }
}

#[test]
fn a_body_of_another_protocol_is_no_answer() {
    assert_eq!(error(Protocol::Ec2, 200, "{}").kind, CallErrorKind::NotAnApi);
    assert_eq!(error(Protocol::Json10, 200, "<ListResponse/>").kind, CallErrorKind::NotAnApi);
    assert_eq!(error(Protocol::Query, 200, "OK").kind, CallErrorKind::NotAnApi);
}

#[test]
fn a_body_without_its_end_is_truncated() {
    for (protocol, body) in [
        (Protocol::Ec2, "<?xml version=\"1.0\"?><R><items><item>a</item>"),
        (Protocol::RestXml, "<R><Name>a"),
        (Protocol::Json11, "{\"Accounts\":[{\"Id\":\"1\""),
    ] {
        assert_eq!(error(protocol, 200, body).kind, CallErrorKind::Truncated, "{body}");
    }
}

#[test]
fn whole_bodies_pass() {
    for (protocol, body) in [
        (Protocol::Ec2, "\u{feff}<?xml version=\"1.0\"?>\n<R xmlns=\"u\"><items/></R>\n"),
        (Protocol::RestXml, "<R/>"),
        (Protocol::RestXml, "<?xml version=\"1.0\"?><ns:R a='b'><x/></ns:R>"),
        (Protocol::Json10, " {}\n"),
        (Protocol::RestJson, "[]"),
        // A bucket policy is its own document.
        (Protocol::RestXml, "{\"Version\":\"2012-10-17\"}"),
    ] {
        assert!(judge(protocol, "GetThing", response(200, body)).is_ok(), "{body}");
    }
}

#[test]
fn an_error_in_a_success_is_an_error() {
    let error = error(Protocol::RestXml, 200, "<Error><Code>InternalError</Code><Message>m</Message></Error>");
    assert_eq!((error.kind, error.code.as_deref()), (CallErrorKind::Server, Some("InternalError")));
}
