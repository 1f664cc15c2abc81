//! A webhook: the job as JSON, posted with an HMAC over time and body. Private addresses are refused unless allowed, and
//! the address that was checked is the one that is connected to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use pacbot_collect::Lookup;
use pacbot_schemas::Template;
use sha2::Sha256;
use url::Url;

use super::{ANSWER_BYTES, given, may, reading};
use crate::declared::Stage;
use crate::facts::Facts;
use crate::fix::{FixError, Job};
use crate::state::Reading;

/// Seconds since the epoch, so that an old request is not taken again.
const TIME_HEADER: &str = "x-pacbot-time";
/// `sha256=` and the HMAC-SHA256 of time, a full stop and the body, in hexadecimal.
const SIGNATURE_HEADER: &str = "x-pacbot-signature";

pub(crate) async fn post(
    job: Job<'_>,
    url: &Template,
    secret: &str,
    limit: Duration,
    facts: &Facts,
    stage: Stage,
) -> Result<Reading, FixError> {
    let text = url.fill(|name| facts.text(name));
    let text = text.ok_or_else(|| FixError::unexpected("the webhook's address has a placeholder without a value"))?;
    let parsed = Url::parse(&text).map_err(|error| FixError::unexpected(format!("`{text}`: {error}")))?;
    let call = format!("POST {}", parsed.host_str().unwrap_or_default());
    let failed = |reason: String| FixError::Custom { call: call.clone(), reason };
    let exchange = async {
        let (host, addresses) = checked(&parsed, job.live.custom.private_webhooks).await.map_err(failed)?;
        let key = secret_of(secret).await.map_err(failed)?;
        may(job, &call, stage).await?;
        let client = reqwest::Client::builder()
            .resolve_to_addrs(&host, &addresses)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let body = given(facts, stage).to_string();
        let time = chrono::Utc::now().timestamp().to_string();
        let signature = signature(&key, &time, &body).map_err(failed)?;
        let request = client
            .post(parsed.clone())
            .header("content-type", "application/json")
            .header(TIME_HEADER, &time)
            .header(SIGNATURE_HEADER, signature)
            .body(body);
        let mut response = request.send().await.map_err(|error| failed(error.without_url().to_string()))?;
        if !response.status().is_success() {
            return Err(failed(format!("it answered {}", response.status())));
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(error.without_url().to_string()))? {
            answer.extend_from_slice(&chunk);
            if answer.len() > ANSWER_BYTES {
                return Err(failed("the answer is too long".to_owned()));
            }
        }
        reading(&call, answer)
    };
    match tokio::time::timeout(limit, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(failed(format!("it did not answer within {}", humantime::format_duration(limit)))),
    }
}

/// The host and the addresses that may be connected to.
async fn checked(url: &Url, allow_private: bool) -> Result<(String, Vec<SocketAddr>), String> {
    if url.scheme() != "https" && !(allow_private && url.scheme() == "http") {
        return Err("a webhook's address begins with `https://`".to_owned());
    }
    let host = url.host_str().ok_or("the address has no host")?.to_owned();
    let port = url.port_or_known_default().ok_or("the address has no port")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port)).await.map_err(|error| error.to_string())?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(format!("`{host}` has no address"));
    }
    if let Some(private) = addresses.iter().find(|address| !allow_private && !is_public(address.ip())) {
        return Err(format!(
            "`{host}` is {}, which is not on the internet; `private_webhooks` allows it",
            private.ip()
        ));
    }
    Ok((host, addresses))
}

/// Whether an address is on the internet, rather than on this machine, its network, or a cloud's metadata service.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let octets = v4.octets();
            let is_shared = octets[0] == 100 && (64..128).contains(&octets[1]);
            let is_reserved = octets[0] == 0 || octets[0] >= 240 || octets[..3] == [192, 0, 0];
            let is_test = octets[0] == 198 && (18..20).contains(&octets[1]);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_documentation()
                || v4.is_broadcast()
                || is_shared
                || is_reserved
                || is_test)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(IpAddr::V4(v4)),
            // Global unicast, but for the ways that lead back to IPv4 and for documentation.
            None => {
                let first = v6.segments()[0];
                let second = v6.segments()[1];
                (0x2000..0x4000).contains(&first)
                    && first != 0x2002
                    && !(first == 0x2001 && (second == 0 || second == 0x0db8))
            }
        },
    }
}

/// The secret that `env:NAME` or `file:PATH` refers to.
async fn secret_of(reference: &str) -> Result<Vec<u8>, String> {
    let secret = match reference.split_once(':') {
        Some(("env", name)) => {
            std::env::var(name).map_err(|_| format!("the variable `{name}` is not set"))?.into_bytes()
        }
        Some(("file", path)) => {
            let text = tokio::fs::read(path).await.map_err(|error| format!("`{path}`: {error}"))?;
            text.trim_ascii().to_vec()
        }
        _ => return Err("a secret is given as `env:NAME` or `file:PATH`".to_owned()),
    };
    if secret.is_empty() { Err(format!("the secret `{reference}` is empty")) } else { Ok(secret) }
}

pub(super) fn signature(key: &[u8], time: &str, body: &str) -> Result<String, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    Ok(bytes.iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_not_public() {
        let private = [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:10.0.0.1",
            "2002:0a00:0001::1",
            "255.255.255.255",
            "224.0.0.1",
        ];
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "52.95.110.1", "2606:4700:4700::1111"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_unless_allowed() {
        let url = Url::parse("https://localhost:9/hook").unwrap();
        assert!(checked(&url, false).await.unwrap_err().contains("private_webhooks"));
        assert!(checked(&url, true).await.is_ok());
        assert!(checked(&Url::parse("http://1.1.1.1/").unwrap(), false).await.unwrap_err().contains("https"));
    }

    #[test]
    fn the_signature_is_of_time_and_body() {
        let one = signature(b"key", "1700000000", "{}").unwrap();
        assert_eq!(one.len(), "sha256=".len() + 64);
        assert_ne!(one, signature(b"key", "1700000001", "{}").unwrap());
        assert_ne!(one, signature(b"yek", "1700000000", "{}").unwrap());
    }
}
