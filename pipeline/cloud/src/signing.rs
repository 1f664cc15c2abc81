//! Signs a request with SigV4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign as sign_request,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};

use crate::error::CallError;

const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// Signs `request` as it stands, replacing an earlier signature.
///
/// A payload hash header that is already there is kept and signed: the SDK puts words there for streams.
pub(crate) fn sign(
    request: &mut Request<Bytes>,
    credentials: &Credentials,
    service: &str,
    region: &str,
    at: SystemTime,
) -> Result<(), CallError> {
    for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
        request.headers_mut().remove(name);
    }
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(settings(service))
        .build()
        .map_err(|error| unsigned(&error))?
        .into();
    let mut headers = Vec::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        headers.push((name.as_str(), value.to_str().map_err(|error| unsigned(&error))?));
    }
    let body = match headers.iter().find(|(name, _)| *name == CONTENT_SHA256) {
        Some((_, hash)) => SignableBody::Precomputed((*hash).to_owned()),
        None => SignableBody::Bytes(request.body()),
    };
    let uri = request.uri().to_string();
    let signable = SignableRequest::new(request.method().as_str(), uri, headers.into_iter(), body)
        .map_err(|error| unsigned(&error))?;
    let (instructions, _) = sign_request(signable, &params).map_err(|error| unsigned(&error))?.into_parts();
    // Not `apply_to_request_http1x`: it panics on credentials with a line break.
    let (added, _) = instructions.into_parts();
    for header in added {
        let mut value = HeaderValue::from_str(header.value()).map_err(|error| unsigned(&error))?;
        value.set_sensitive(header.sensitive());
        request.headers_mut().insert(HeaderName::from_static(header.name()), value);
    }
    Ok(())
}

fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if matches!(service, "s3" | "s3-outposts" | "s3express") {
        // S3 takes paths as they are (a key may hold `..`) and wants the payload's hash in a header.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

fn unsigned(error: &dyn std::error::Error) -> CallError {
    CallError::request(format!("the request cannot be signed: {error}"))
}
