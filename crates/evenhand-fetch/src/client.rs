//! One request: redirects followed within bounds, proxies used, every failure named.

use crate::error::Retry;
use crate::patience::asked_for;
use crate::{Error, ErrorKind, Proxies, Result};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, BodyReader, Timeout};

/// Redirects that are followed for one file.
const MAX_REDIRECTS: usize = 10;
const USER_AGENT: &str = concat!("evenhand/", env!("CARGO_PKG_VERSION"));

/// Makes requests.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    proxies: Proxies,
    timeout: Duration,
}

/// Bytes wanted from an offset on, if the file is still the one that we have the beginning of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) from: u64,
    /// `ETag` or date of the file that we know.
    pub(crate) if_still: Option<String>,
}

/// A server's answer, its body not yet read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: BodyReader<'static>,
    headers: HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// Whether the end of the body can be told from a connection that broke.
    pub(crate) fn says_its_end(&self) -> bool {
        self.length().is_some() || self.header("transfer-encoding").is_some()
    }
}

impl Client {
    /// A client that waits no longer than `timeout` for a connection, an answer, or the next bytes.
    pub(crate) fn new(timeout: Duration, proxies: Proxies) -> Self {
        let found = rustls_native_certs::load_native_certs();
        let roots: Vec<_> = found.certs.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .accept("*/*")
            .accept_encoding("identity")
            .timeout_resolve(Some(timeout))
            .timeout_connect(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout))
            .build();
        Self { agent: Agent::new_with_config(config), proxies, timeout }
    }

    /// Asks for a file, or for the rest of it: an answer of 200, 206 or 416.
    pub(crate) fn get(&self, url: &str, rest: Option<&Rest>) -> Result<Answer> {
        let wrong = |_| Error::new(ErrorKind::Manifest, format!("expected an address, found `{url}`"));
        let mut uri: Uri = url.parse().map_err(wrong)?;
        let mut seen = vec![uri.clone()];
        loop {
            let answer = self.get_once(&uri, rest)?;
            match answer.status {
                200 | 206 | 416 => return Ok(answer),
                301 | 302 | 303 | 307 | 308 => {
                    uri = redirected(
                        &uri,
                        answer.headers.get("location").map_or(b"", |value| value.as_bytes()),
                    )?;
                    if seen.contains(&uri) {
                        let host = uri.host().unwrap_or_default();
                        return Err(Error::new(
                            ErrorKind::Redirect,
                            format!("`{host}` sends us in a circle"),
                        ));
                    }
                    if seen.len() > MAX_REDIRECTS {
                        let message = format!("expected at most {MAX_REDIRECTS} redirects, found more");
                        return Err(Error::new(ErrorKind::Redirect, message));
                    }
                    seen.push(uri.clone());
                }
                status => return Err(refused(status, &uri, answer.header("retry-after"))),
            }
        }
    }

    fn get_once(&self, uri: &Uri, rest: Option<&Rest>) -> Result<Answer> {
        let mut request = self.agent.get(uri);
        if let Some(rest) = rest {
            request = request.header("range", format!("bytes={}-", rest.from));
            if let Some(tag) = &rest.if_still {
                request = request.header("if-range", tag);
            }
        }
        let request = request.config().proxy(self.proxies.for_address(uri)?).build();
        let response = request.call().map_err(|error| self.broken(&error, uri))?;
        let (parts, body) = response.into_parts();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.into_reader() })
    }

    /// What a failed request is called.
    fn broken(&self, error: &ureq::Error, uri: &Uri) -> Error {
        let host = uri.host().unwrap_or_default();
        let network = |message: String| Error::new(ErrorKind::Network, message).retry(Retry::Later);
        let seconds = self.timeout.as_secs_f64();
        match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                network(format!("no connection to `{host}` within {seconds} s"))
            }
            ureq::Error::Timeout(_) => network(format!("`{host}` did not answer within {seconds} s")),
            ureq::Error::HostNotFound => network(format!("no host `{host}` was found"))
                .hint("look whether this machine is connected, and whether it needs a proxy (`https_proxy`)"),
            ureq::Error::ConnectProxyFailed(why) => {
                Error::new(ErrorKind::Proxy, format!("the proxy does not connect us to `{host}`: {why}"))
                    .hint("`no_proxy` names hosts that go without it")
            }
            ureq::Error::Rustls(why) => untrusted(host, &why.to_string()),
            ureq::Error::Tls(why) => untrusted(host, why),
            ureq::Error::Io(why) if is_tls(why) => untrusted(host, &why.to_string()),
            ureq::Error::Io(why) => network(format!("the connection to `{host}` failed: {why}"))
                .hint("look whether this machine is connected, and whether it needs a proxy (`https_proxy`)"),
            ureq::Error::LargeResponseHeader(..) | ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                Error::new(ErrorKind::Protocol, format!("`{host}`: {error}"))
            }
            _ => network(format!("the answer of `{host}` cannot be read: {error}")),
        }
    }
}

/// A handshake that failed comes as an error of reading, with TLS's own inside.
fn is_tls(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

fn untrusted(host: &str, why: &str) -> Error {
    Error::new(ErrorKind::Tls, format!("the certificate of `{host}` cannot be trusted: {why}")).hint(
        "where an institution's proxy has a certificate of its own, `SSL_CERT_FILE` names the file that holds it",
    )
}

/// An answer that is none.
fn refused(status: u16, uri: &Uri, retry_after: Option<&str>) -> Error {
    let host = uri.host().unwrap_or_default();
    let asked = retry_after.and_then(|header| asked_for(header, jiff::Timestamp::now()));
    let passes = matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504);
    let retry = match asked {
        _ if !passes => Retry::Never,
        None => Retry::Later,
        Some(wait) => Retry::After(wait),
    };
    let wait = asked
        .filter(|_| passes)
        .map_or_else(String::new, |wait| format!("; it asks to come back in {} s", wait.as_secs()));
    let name = ureq::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let name = name.map_or_else(String::new, |name| format!(" ({name})"));
    let error = Error::new(ErrorKind::Status, format!("`{host}` answers {status}{name}{wait}")).retry(retry);
    match status {
        404 | 410 => error.hint("the publisher may have moved the file: look at the landing page that `--list` shows"),
        401 | 403 => error.hint("the publisher does not give the file to programs, or not from here: fetch it in a browser, put it into the folder, and run this again to have it checked"),
        _ => error,
    }
}

/// Where a redirect leads, if we go there.
fn redirected(from: &Uri, location: &[u8]) -> Result<Uri> {
    let refused = |what: String| Err(Error::new(ErrorKind::Redirect, what));
    let location = printable(location);
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, host) =
        (from.scheme_str().unwrap_or_default(), from.authority().map_or("", |host| host.as_str()));
    let path = from.path();
    let text = match location.split_once(':') {
        _ if location.is_empty() => return refused("a redirect that leads nowhere".to_owned()),
        Some((other, _)) if is_scheme(other) => location.to_owned(),
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{host}{location}"),
        _ if location.starts_with('?') => format!("{scheme}://{host}{path}{location}"),
        _ => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{host}{folder}/{location}")
        }
    };
    let target = text.parse::<Uri>().ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    match (scheme, target.as_ref().and_then(Uri::scheme_str)) {
        ("https", Some("http")) => refused(format!("expected to stay with https, was sent to `{text}`")),
        (_, Some("http" | "https")) => target.map_or_else(|| refused(text.clone()), Ok),
        _ => refused(format!("expected an address of http or https, was sent to `{text}`")),
    }
}

fn is_scheme(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    text.starts_with(|letter: char| letter.is_ascii_alphabetic()) && text.chars().all(fits)
}

/// A header as text, with `%` codes for what no address may hold.
fn printable(bytes: &[u8]) -> String {
    let code = |byte: &u8| match byte {
        0x21..=0x7e => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    bytes.trim_ascii().iter().map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn leads(from: &str, location: &str, to: &str) {
        let uri = redirected(&from.parse().expect("an address"), location.as_bytes());
        match uri {
            Ok(uri) => assert_eq!(uri.to_string(), to),
            Err(error) => assert_eq!(error.to_string(), to),
        }
    }

    #[test]
    fn redirects_lead_where_they_say() {
        leads("https://a.org/x/y?q", "https://b.org/z", "https://b.org/z");
        leads("https://a.org/x/y", "//b.org/z", "https://b.org/z");
        leads("https://a.org:8443/x/y", "/z?k=v#part", "https://a.org:8443/z?k=v");
        leads("https://a.org/x/y", "z", "https://a.org/x/z");
        leads("https://a.org/x/y?q", "?k", "https://a.org/x/y?k");
        leads("https://a.org/x", "/with blank/\u{e9}", "https://a.org/with%20blank/%C3%A9");
        leads("http://a.org/", "https://a.org/", "https://a.org/");
    }

    #[test]
    fn redirects_out_of_the_web_or_into_the_open_are_refused() {
        leads("https://a.org/", "http://a.org/", "expected to stay with https, was sent to `http://a.org/`");
        for to in ["file:///etc/passwd", "ftp://a.org/x", "data:text/plain,x", "javascript:1"] {
            leads("http://a.org/", to, &format!("expected an address of http or https, was sent to `{to}`"));
        }
        leads("http://a.org/", "", "a redirect that leads nowhere");
        leads("http://a.org/", "http:///x", "expected an address of http or https, was sent to `http:///x`");
    }
}
