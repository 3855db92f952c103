//! Just enough HTTP/1.1 (RFC 9112) for a scraper: one request on a connection, one answer, and the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Metrics;
use crate::failure::Failure;

/// Longest head of a request.
const MAX_HEAD_LEN: usize = 8 << 10;

/// Longest time from a connection to its end.
const LIMIT: Duration = Duration::from_secs(5);

/// Connections at one time; more wait.
const CONNECTIONS: usize = 8;

/// Pause after the system refused a connection, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// What Prometheus calls the text format of `OpenMetrics`.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Takes the port, so that one that is taken already is told before the work.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(
            format_args!("--metrics {address}"),
            crate::failure::reason(&error),
            "name another address or port, or end what holds this one (ss -ltnp)",
        )
    })
}

/// Answers scrapers for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, metrics: Metrics) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            // A scraper that leaves early or says nothing is no one's loss.
            let _answered = timeout(LIMIT, answer(stream, &metrics)).await;
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD_LEN {
        let len = stream.read(&mut part).await?;
        if len == 0 {
            return Ok(());
        }
        head.extend_from_slice(&part[..len]);
    }
    stream.write_all(&response(&head, metrics)).await?;
    stream.shutdown().await?;
    // What the client still sends is read, so that its end does not reset the answer under way.
    while stream.read(&mut part).await? > 0 {}
    Ok(())
}

fn response(head: &[u8], metrics: &Metrics) -> Vec<u8> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    match (method, path) {
        (b"GET" | b"HEAD", b"/metrics") => match metrics.text() {
            Ok(text) => with_body("200 OK", CONTENT_TYPE, &text, method == b"HEAD"),
            Err(_) => plain("500 Internal Server Error", "no figures\n"),
        },
        (b"GET" | b"HEAD", _) => plain("404 Not Found", "see /metrics\n"),
        (_, _) if line.ends_with(b"HTTP/1.1") || line.ends_with(b"HTTP/1.0") => {
            plain("405 Method Not Allowed\r\nAllow: GET, HEAD", "only GET\n")
        }
        (_, _) => plain("400 Bad Request", "no HTTP request\n"),
    }
}

fn plain(status: &str, text: &str) -> Vec<u8> {
    with_body(status, "text/plain; charset=utf-8", text, false)
}

fn with_body(status: &str, kind: &str, body: &str, only_head: bool) -> Vec<u8> {
    let len = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n"
    );
    let body = if only_head { "" } else { body };
    [head.as_bytes(), body.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str) -> String {
        let response = response(request.as_bytes(), &Metrics::default());
        let text = String::from_utf8(response).unwrap();
        text.lines().next().unwrap().to_owned()
    }

    #[test]
    fn only_a_get_of_the_metrics_gets_them() {
        assert_eq!(status("GET /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 OK");
        assert_eq!(
            status("GET /metrics?name[]=x HTTP/1.1\r\n\r\n"),
            "HTTP/1.1 200 OK"
        );
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
        assert_eq!(
            status("POST /metrics HTTP/1.1\r\n\r\n"),
            "HTTP/1.1 405 Method Not Allowed"
        );
        assert_eq!(status("\u{16}\u{3}\u{1}"), "HTTP/1.1 400 Bad Request");
        assert_eq!(status(""), "HTTP/1.1 400 Bad Request");
    }

    #[test]
    fn a_head_has_the_length_and_no_body() {
        let of = |method: &str| {
            let request = format!("{method} /metrics HTTP/1.1\r\n\r\n");
            String::from_utf8(response(request.as_bytes(), &Metrics::default())).unwrap()
        };
        let (head, body) = (of("HEAD"), of("GET"));
        let length = |text: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with("Content-Length"))
                .unwrap();
            line.split(' ').nth(1).unwrap().parse::<usize>().unwrap()
        };
        assert!(head.ends_with("\r\n\r\n"));
        let (_, body) = body.split_once("\r\n\r\n").unwrap();
        assert!(length(&head) > 1_000);
        assert!(body.ends_with("# EOF\n"));
    }
}
