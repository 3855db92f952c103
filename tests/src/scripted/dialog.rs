//! Requests and answers on one connection, with media between them.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};

use super::is_timeout;
use super::text::{whole_frame_len, whole_message_len};

/// Requests and answers on one connection.
pub(super) struct Dialog {
    pub(super) stream: TcpStream,
    agent: String,
    cseq: u32,
    pub(super) answers: Vec<Value>,
    unread: Vec<u8>,
    /// RTP packets that came inside the connection.
    pub(super) interleaved_rtp: u32,
}

impl Dialog {
    pub(super) fn new(stream: TcpStream, agent: String) -> Self {
        Self {
            stream,
            agent,
            cseq: 0,
            answers: Vec::new(),
            unread: Vec::new(),
            interleaved_rtp: 0,
        }
    }

    /// Sends a request and returns its answer, head and body; `None` when nothing came in time.
    ///
    /// With `cut` the request leaves in two segments, the first ending with that text.
    pub(super) fn ask(
        &mut self,
        method: &str,
        uri: &str,
        headers: &str,
        cut: Option<&str>,
    ) -> io::Result<Option<String>> {
        let request = self.request(method, uri, headers);
        let at = cut
            .and_then(|text| request.find(text).map(|at| at + text.len()))
            .unwrap_or(request.len());
        self.stream.write_all(&request.as_bytes()[..at])?;
        // Without Nagle's algorithm each write is a segment of its own.
        self.stream.write_all(&request.as_bytes()[at..])?;
        self.read_answer_to(method)
    }

    /// Sends a request whose headers end in a body, and returns its answer.
    pub(super) fn send(
        &mut self,
        method: &str,
        uri: &str,
        headers_and_body: &str,
    ) -> io::Result<Option<String>> {
        let request = self.request(method, uri, headers_and_body);
        let request = request.strip_suffix("\r\n").unwrap_or(&request);
        self.stream.write_all(request.as_bytes())?;
        self.read_answer_to(method)
    }

    /// The text of the next request.
    pub(super) fn request(&mut self, method: &str, uri: &str, headers: &str) -> String {
        self.cseq += 1;
        format!(
            "{method} {uri} RTSP/1.0\r\nCSeq: {}\r\nUser-Agent: {}\r\n{headers}\r\n",
            self.cseq, self.agent
        )
    }

    pub(super) fn read_answer_to(&mut self, method: &str) -> io::Result<Option<String>> {
        let answer = self.read_answer()?;
        let status = answer
            .as_deref()
            .and_then(|text| text.split(' ').nth(1)?.parse::<u16>().ok());
        self.answers.push(json!([method, status]));
        Ok(answer)
    }

    fn read_answer(&mut self) -> io::Result<Option<String>> {
        let deadline = Instant::now() + self.stream.read_timeout()?.unwrap_or_default();
        loop {
            self.take_frames();
            if let Some(len) = whole_message_len(&self.unread) {
                let message: Vec<u8> = self.unread.drain(..len).collect();
                return Ok(Some(String::from_utf8_lossy(&message).into_owned()));
            }
            if !self.read_more()? || Instant::now() > deadline {
                return Ok(None);
            }
        }
    }

    /// Reads until so many RTP packets came inside the connection; `false` where the server fell silent or hung up.
    pub(super) fn read_frames(&mut self, packets: u32) -> io::Result<bool> {
        let patience = self.stream.read_timeout()?.unwrap_or_default();
        let mut last = (self.interleaved_rtp, Instant::now());
        while self.interleaved_rtp < packets {
            // Bytes that make no frame are as good as silence.
            if !self.read_more()? || last.1.elapsed() > patience {
                return Ok(false);
            }
            self.take_frames();
            if self.interleaved_rtp > last.0 {
                last = (self.interleaved_rtp, Instant::now());
            }
        }
        Ok(true)
    }

    /// Sends a packet on one of the connection's channels.
    pub(super) fn send_frame(&mut self, channel: u8, packet: &[u8]) -> io::Result<()> {
        let len = packet.len() as u16;
        let head = [&[b'$', channel][..], &len.to_be_bytes()].concat();
        self.stream.write_all(&[&head, packet].concat())
    }

    /// Takes whole frames off what was read; media stand on channel 0.
    fn take_frames(&mut self) {
        while let Some(len) = whole_frame_len(&self.unread) {
            let frame: Vec<u8> = self.unread.drain(..len).collect();
            self.interleaved_rtp += u32::from(frame.get(1) == Some(&0));
        }
    }

    /// `false` where nothing came in time or the server hung up.
    fn read_more(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(len) => {
                self.unread.extend_from_slice(&buffer[..len]);
                Ok(true)
            }
            Err(error) if is_timeout(&error) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(false),
            Err(error) => Err(error),
        }
    }
}
