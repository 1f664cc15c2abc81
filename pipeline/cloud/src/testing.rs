//! What the tests of this crate stand on: a clock that never waits, a transport that answers from a
//! closure, and a server on the loopback for what only a wire can show.

use std::collections::HashMap;
use std::fmt;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::Sleep;
use bytes::Bytes;
use http::{Method, Request, Response};
use pacbot_schemas::{Account, AccountId, Partition, Protocol, Region, Scope};

use crate::{Ambient, ApiRequest, Aws, AwsSettings, CallLabel, Clock, Transport, TransportError};

/// 2025-03-01T06:00:00Z.
const START: Duration = Duration::from_secs(1_740_808_800);

/// A clock on which waiting takes no time: it only moves the hands.
#[derive(Debug, Default)]
pub(crate) struct VirtualClock {
    elapsed: Arc<Mutex<Duration>>,
}

impl VirtualClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap() += by;
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + START + self.steady()
    }

    fn steady(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let elapsed = self.elapsed.clone();
        Sleep::new(async move {
            *elapsed.lock().unwrap() += duration;
            tokio::task::yield_now().await;
        })
    }
}

type Sent = Result<Response<Bytes>, TransportError>;
type Script = dyn Fn(&CallLabel, usize) -> Sent + Send + Sync;

/// Answers from a closure, which is given the label and how many requests of that operation went before.
pub(crate) struct Scripted {
    script: Box<Script>,
    sent: Mutex<Vec<(CallLabel, Request<Bytes>)>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    pub(crate) fn new(script: impl Fn(&CallLabel, usize) -> Sent + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), sent: Mutex::default() })
    }

    /// The operations in the order in which they were sent, as `operation@account`.
    pub(crate) fn operations(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|(label, _)| format!("{}@{}", label.operation, label.account)).collect()
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.sent.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, call: &CallLabel, request: Request<Bytes>) -> Sent {
        let before = {
            let mut sent = self.sent.lock().unwrap();
            let before = sent.iter().filter(|(label, _)| label == call).count();
            sent.push((call.clone(), request));
            before
        };
        (self.script)(call, before)
    }
}

pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Sent {
    let mut response = Response::new(body.into());
    *response.status_mut() = status.try_into().unwrap();
    Ok(response)
}

pub(crate) fn with_header(sent: Sent, name: &'static str, value: &str) -> Sent {
    let mut response = sent?;
    response.headers_mut().insert(name, value.parse().unwrap());
    Ok(response)
}

pub(crate) fn query_error(status: u16, code: &str) -> Sent {
    let body =
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>said {code}</Message></Error></ErrorResponse>");
    answer(status, body)
}

/// An `AssumeRole` answer whose credentials expire at the given hour of 2025-03-01.
pub(crate) fn assumed(key: &str, expires_at_hour: u32) -> Sent {
    answer(
        200,
        format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId>\
            <SecretAccessKey>secret-of-{key}</SecretAccessKey><SessionToken>token-of-{key}</SessionToken>\
            <Expiration>2025-03-01T{expires_at_hour:02}:00:00Z</Expiration></Credentials></AssumeRoleResult>\
            </AssumeRoleResponse>"
        ),
    )
}

/// A `GetCallerIdentity` answer.
pub(crate) fn identity(account: &str) -> Sent {
    let result = format!("<GetCallerIdentityResult><Account>{account}</Account></GetCallerIdentityResult>");
    answer(200, format!("<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"))
}

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn account(id: &str) -> Arc<Account> {
    Arc::new(Account { id: AccountId::new(id).unwrap(), name: id.into(), partition: Partition::Aws })
}

pub(crate) fn scope(id: &str, region: &str) -> Scope {
    Scope { account: account(id), region: Region::new(region).unwrap() }
}

pub(crate) fn label(account: &str, service: &str) -> CallLabel {
    CallLabel {
        account: AccountId::new(account).unwrap(),
        region: Region::new("eu-west-1").unwrap(),
        service: service.into(),
        operation: "List".into(),
    }
}

pub(crate) fn request(service: &str, protocol: Protocol, operation: &str) -> ApiRequest {
    ApiRequest {
        service: service.into(),
        endpoint: service.into(),
        protocol,
        api_version: Some("2016-11-15".into()),
        target_prefix: Some("Target".into()),
        operation: operation.into(),
        method: Method::GET,
        uri: String::new(),
        params: Vec::new(),
        body: None,
        link: None,
    }
}

/// Settings from the text of the `[aws]` table.
pub(crate) fn settings(text: &str) -> AwsSettings {
    toml::from_str(text).unwrap()
}

/// An [`Aws`] with base credentials `BASE`, and its clock.
pub(crate) fn aws(settings_text: &str, transport: Arc<dyn Transport>) -> (Aws, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::default());
    let credentials = Credentials::new("BASE", "secret-of-BASE", Some("token-of-BASE".into()), None, "test");
    let ambient = Ambient { clock: clock.clone(), credentials: Some(SharedCredentialsProvider::new(credentials)) };
    (Aws::with_ambient(settings(settings_text), transport, ambient).unwrap(), clock)
}

/// Settings under which [`ACCOUNT`] is read by a role.
pub(crate) const ONE_ROLE: &str = "accounts = [{ id = '111122223333', role = 'reader', external_id = 'our-id' }]";

/// What a connection is answered with.
pub(crate) enum Wire {
    /// These bytes, then the end.
    Bytes(&'static str),
    /// Nothing, until the client gives up.
    Silence,
    /// This head, then chunks without end, until the client gives up.
    Endless,
}

/// Starts a server on the loopback that answers one connection after the other, and yields its URL.
pub(crate) fn serve(answers: Vec<Wire>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for wire in answers {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            match wire {
                Wire::Bytes(bytes) => stream.write_all(bytes.as_bytes()).unwrap(),
                Wire::Silence => while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {},
                Wire::Endless => {
                    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
                    let mut written = stream.write_all(head.as_bytes());
                    while written.is_ok() {
                        written = stream.write_all(chunk.as_bytes());
                    }
                }
            }
        }
    });
    url
}

/// Reads a whole request: closing a connection with something unread resets it.
fn read_request(stream: &mut TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    stream.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
}

/// Answers by operation, each as often as it is asked.
pub(crate) fn by_operation(answers: impl IntoIterator<Item = (&'static str, Sent)>) -> Arc<Scripted> {
    let answers: HashMap<&'static str, Sent> = answers.into_iter().collect();
    Scripted::new(move |call, _| {
        answers.get(call.operation.as_str()).unwrap_or_else(|| panic!("{call} is not scripted")).clone()
    })
}
