//! A web server for one test, which misbehaves as told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Which request of this server it is, from 0.
    pub number: usize,
    /// `GET`, `CONNECT`.
    pub method: String,
    /// Path, or host and port.
    pub path: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    /// A header, by its name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first byte that is asked for.
    #[must_use]
    pub fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// One thing that the server does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Does nothing for a while.
    Wait(Duration),
    /// Sends bytes one by one with a pause between them.
    Trickle(Vec<u8>, Duration),
    /// Says that the tunnel stands, and answers the request that comes through it.
    Tunnel,
}

/// The head of an answer.
#[must_use]
pub fn head(status: &str, headers: &[(&str, &str)]) -> Act {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    Act::Send(
        format!("HTTP/1.1 {status}\r\n{}Connection: close\r\n\r\n", lines.collect::<String>()).into_bytes(),
    )
}

/// An answer with a body of its stated length.
#[must_use]
pub fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<Act> {
    let length = body.len().to_string();
    let headers = [headers, &[("Content-Length", length.as_str())]].concat();
    vec![head(status, &headers), Act::Send(body.to_vec())]
}

/// What a sound server answers: the file, or the rest of it if it is still the same.
#[must_use]
pub fn serve(asked: &Asked, body: &[u8], etag: &str) -> Vec<Act> {
    let is_same = asked.header("if-range").is_none_or(|tag| tag == etag);
    match asked.from().filter(|_| is_same) {
        Some(from) if from >= body.len() => {
            answer("416 Range Not Satisfiable", &[("Content-Range", &format!("bytes */{}", body.len()))], b"")
        }
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
            answer("206 Partial Content", &[("Content-Range", &range), ("ETag", etag)], &body[from..])
        }
        None => answer("200 OK", &[("ETag", etag)], body),
    }
}

/// The first `bytes` of an answer's body, and then the connection ends.
#[must_use]
pub fn cut(mut acts: Vec<Act>, bytes: usize) -> Vec<Act> {
    if let Some(Act::Send(body)) = acts.last_mut() {
        body.truncate(bytes);
    }
    acts
}

type Behavior = dyn Fn(&Asked) -> Vec<Act> + Send + Sync;

/// Listens on a port of its own until it is dropped.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// Starts one that answers as `behave` says.
    ///
    /// # Panics
    /// Where no port can be had.
    #[must_use]
    pub fn start(behave: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback can be had");
        let address = listener.local_addr().expect("it has an address");
        let server = Self { address, asked: Arc::default(), is_over: Arc::default() };
        let (asked, is_over, behave) =
            (Arc::clone(&server.asked), Arc::clone(&server.is_over), Arc::new(behave));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let (asked, behave) = (Arc::clone(&asked), Arc::clone(&behave));
                // A client that goes away in the middle is what some tests are about.
                std::thread::spawn(move || stream.and_then(|stream| converse(stream, &asked, &*behave)));
            }
        });
        server
    }

    /// An address on it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked up to now.
    ///
    /// # Panics
    /// If a thread of the server did.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no thread of the server panics").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a client, so that it sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

fn converse(stream: TcpStream, all: &Mutex<Vec<Asked>>, behave: &Behavior) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let Some(asked) = read_request(&mut reader, all)? else { return Ok(()) };
    let mut acts = behave(&asked);
    if matches!(acts.as_slice(), [Act::Tunnel]) {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let Some(asked) = read_request(&mut reader, all)? else { return Ok(()) };
        acts = behave(&asked);
    }
    for act in acts {
        match act {
            Act::Send(bytes) => stream.write_all(&bytes)?,
            Act::Wait(time) => std::thread::sleep(time),
            Act::Trickle(bytes, pause) => {
                for byte in bytes {
                    stream.write_all(&[byte])?;
                    std::thread::sleep(pause);
                }
            }
            Act::Tunnel => {}
        }
    }
    // Without this, bytes of the client that were not read turn the end into a reset.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    std::io::copy(&mut reader.take(1 << 16), &mut std::io::sink()).map(drop)
}

fn read_request(
    reader: &mut BufReader<TcpStream>,
    all: &Mutex<Vec<Asked>>,
) -> std::io::Result<Option<Asked>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut all = all.lock().map_err(|_| std::io::Error::other("a thread of the server panicked"))?;
    let mut words = lines.first().map(String::as_str).unwrap_or_default().split(' ').map(str::to_owned);
    let header = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    };
    let asked = Asked {
        number: all.len(),
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers: lines.iter().skip(1).filter_map(header).collect(),
    };
    all.push(asked.clone());
    Ok(Some(asked))
}
