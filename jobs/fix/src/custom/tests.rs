//! People's own fixes: what a command and a webhook are given, and what they may not do.

use std::io::{Read, Write};
use std::net::TcpListener;

use pacbot_schemas::AssetTypes;
use serde_json::{Value, json};

use crate::declared::DeclaredFix;
use crate::definition::Definition;
use crate::fix::{Fix, FixError, Job, Made};
use crate::testing::{Stub, live, none, target};

fn fix(text: &str) -> DeclaredFix {
    let head = "id = 'own-x'\ntitle = 'X'\ndoes = 'd'\nundoes = 'u'\n";
    let types = AssetTypes::embedded().unwrap();
    let definition = Definition::parse("own.toml", &format!("{head}{text}"), &types);
    DeclaredFix::new(definition.unwrap_or_else(|errors| panic!("{}", errors[0])))
}

const STATE: &str = "
[state]
open = { from = 'look', path = 'open', type = 'bool', doc = 'd' }
[[good]]
value = 'state.open'
equals = false
";

#[tokio::test]
async fn a_command_gets_arguments_and_json_and_no_shell() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("fix.sh");
    // The state is a file; what it is called with is kept.
    let text = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\ninput=$(cat)\nprintf '%s|%s|%s\\n' \"$1\" \"$2\" \"${AWS_SECRET_ACCESS_KEY:-none}\" >> called\n\
                case \"$1\" in\n close) echo closed > state ;;\n open) rm -f state ;;\n slow) exec sleep 60 ;;\n break) echo broken >&2; exit 3 ;;\nesac\n\
                echo \"$input\" > given\nif [ -e state ]; then echo '{\"open\": false}'; else echo '{\"open\": true}'; fi\n";
    std::fs::write(&script, text).unwrap();
    let script = script.display().to_string();
    let steps = |apply: &str| {
        format!(
            "{STATE}[read.look]\ncommand = ['/bin/sh', '{script}', 'look', '{{asset_id}}']\n\
             [apply.close]\ncommand = ['/bin/sh', '{script}', '{apply}', '{{asset_id}}']\ntimeout = '2s'\n\
             [undo.open]\ncommand = ['/bin/sh', '{script}', 'open', '{{asset_id}}']\n"
        )
    };
    let mut target = target("aws_vpc", json!({}));
    target.asset_id = "a; touch evil $(touch evil)".to_owned();
    let stub = Stub::new(|operation, _| panic!("{operation} was called"));
    let (live, parameters) = (live(&stub, true), none());
    let job = Job { target: &target, parameters: &parameters, live: &live };
    let own = fix(&steps("close"));
    let before = own.read(job, &Made::new()).await.unwrap();
    assert!(!own.is_good(job, &before).unwrap());
    let made = own.apply(job, &before).await.unwrap();
    let given: Value = serde_json::from_slice(&std::fs::read(folder.path().join("given")).unwrap()).unwrap();
    assert_eq!(
        (&given["stage"], &given["state"]["open"], &given["account_id"]),
        (&json!("apply"), &json!(true), &json!("111122223333"))
    );
    let after = own.read(job, &made).await.unwrap();
    assert!(own.is_good(job, &after).unwrap());
    own.undo(job, &before, &after, &made).await.unwrap();
    assert_eq!(own.read(job, &made).await.unwrap(), before);
    let called = std::fs::read_to_string(folder.path().join("called")).unwrap();
    assert!(called.starts_with("look|a; touch evil $(touch evil)|none\n"), "{called}");
    assert!(!folder.path().join("evil").exists());
    for (apply, why) in [("slow", "did not end within 2s"), ("break", "broken")] {
        let error = fix(&steps(apply)).apply(job, &before).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_webhook_is_signed_and_follows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "swordfish\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"open\": true}",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ];
    let server = std::thread::spawn(move || {
        answers.map(|answer| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let read = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    stream.write_all(answer.as_bytes()).unwrap();
                    return text;
                }
            }
        })
    });
    let hook = format!("webhook = 'http://{address}/hook'\nsecret = 'file:{}'\n", secret.display());
    let own = fix(&format!("{STATE}[read.look]\n{hook}[apply.close]\n{hook}[undo.open]\n{hook}"));
    let target = target("aws_vpc", json!({}));
    let stub = Stub::new(|operation, _| panic!("{operation} was called"));
    let (live, parameters) = (live(&stub, true), none());
    let job = Job { target: &target, parameters: &parameters, live: &live };
    let before = own.read(job, &Made::new()).await.unwrap();
    assert_eq!(before.0["open"], json!(true));
    let error = own.apply(job, &before).await.unwrap_err();
    assert!(matches!(&error, FixError::Custom { reason, .. } if reason.contains("302")), "{error}");
    let [request, _] = server.join().unwrap();
    let header = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let body = request.split_once("\r\n\r\n").unwrap().1;
    let expected = super::webhook::signature(b"swordfish", &header("x-pacbot-time:"), body).unwrap();
    assert_eq!(header("x-pacbot-signature:"), expected);
}
