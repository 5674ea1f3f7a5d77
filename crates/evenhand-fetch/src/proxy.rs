//! Which proxy a request goes through.

use crate::{Error, ErrorKind, Result};
use ureq::http::Uri;

/// The proxies of the surroundings: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in small or capital
/// letters; small ones go first, as everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<(&'static str, String)>,
    https: Option<(&'static str, String)>,
    without: Vec<String>,
}

impl Proxies {
    /// Those that the environment names.
    #[must_use]
    pub fn from_env() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// Those that `get` names.
    #[must_use]
    pub fn of(get: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            let given = |name: &&'static str| Some((*name, get(name)?.trim().to_owned()));
            names.iter().find_map(given).filter(|(_, value)| !value.is_empty())
        };
        let all = || first(&["all_proxy", "ALL_PROXY"]);
        let list = get("no_proxy").or_else(|| get("NO_PROXY")).unwrap_or_default();
        let entries = list.split([',', ' ']).map(|entry| entry.trim().to_lowercase());
        Self {
            http: first(&["http_proxy", "HTTP_PROXY"]).or_else(all),
            https: first(&["https_proxy", "HTTPS_PROXY"]).or_else(all),
            without: entries.filter(|entry| !entry.is_empty()).collect(),
        }
    }

    /// The proxy for an address.
    pub(crate) fn for_address(&self, uri: &Uri) -> Result<Option<ureq::Proxy>> {
        let chosen = if uri.scheme_str() == Some("https") { &self.https } else { &self.http };
        let Some((name, value)) = chosen.as_ref().filter(|_| !self.goes_without(uri)) else {
            return Ok(None);
        };
        // The value may hold a password and is not shown.
        ureq::Proxy::new(value).map(Some).map_err(|_| {
            Error::new(
                ErrorKind::Proxy,
                "expected the address of a proxy, such as http://proxy.example.org:3128",
            )
            .at(name)
        })
    }

    fn goes_without(&self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default().to_lowercase();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let with_port = format!("{host}:{}", uri.port_u16().unwrap_or_default());
        self.without.iter().any(|entry| {
            let name = entry.strip_prefix('*').unwrap_or(entry);
            let name = name.strip_prefix('.').unwrap_or(name);
            let is_below = host.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
            entry == "*" || name == host || name == with_port || (!name.is_empty() && is_below)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(vars: &[(&str, &str)], url: &str) -> Option<String> {
        let get =
            |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let proxy =
            Proxies::of(get).for_address(&url.parse().expect("an address")).expect("a proxy's address");
        proxy.map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let vars = [("http_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:2"), ("ALL_PROXY", "http://c:3")];
        assert_eq!(chosen(&vars, "http://x.org/").as_deref(), Some("http://a:1/"));
        assert_eq!(chosen(&vars, "https://x.org/").as_deref(), Some("http://b:2/"));
        assert_eq!(chosen(&vars[2..], "https://x.org/").as_deref(), Some("http://c:3/"));
        assert_eq!(chosen(&[("https_proxy", ""), ("HTTPS_PROXY", "http://b:2")], "https://x.org/"), None);
        assert_eq!(chosen(&[], "https://x.org/"), None);
    }

    #[test]
    fn some_hosts_go_without() {
        let without =
            |list: &str, url: &str| chosen(&[("all_proxy", "http://p:1"), ("no_proxy", list)], url).is_none();
        assert!(without("example.org", "https://example.org/"));
        assert!(without(".example.org", "https://a.example.org/"));
        assert!(without("*.example.org , other", "https://a.example.org/"));
        assert!(without("localhost,127.0.0.1", "http://127.0.0.1:8080/"));
        assert!(without("127.0.0.1:8080", "http://127.0.0.1:8080/"));
        assert!(without("::1", "http://[::1]:8080/"));
        assert!(without("*", "https://anything.net/"));
        assert!(!without("ample.org", "https://example.org/"));
        assert!(!without("127.0.0.1:80", "http://127.0.0.1:8080/"));
        assert!(!without("", "https://example.org/"));
    }

    #[test]
    fn a_password_in_a_wrong_proxy_is_not_shown() {
        let proxies = Proxies::of(|name| (name == "https_proxy").then(|| "me:secret@@ x".to_owned()));
        let error =
            proxies.for_address(&"https://x.org/".parse().expect("an address")).expect_err("a refusal");
        assert_eq!(error.place(), Some("https_proxy"));
        assert!(!error.to_string().contains("secret"));
    }
}
