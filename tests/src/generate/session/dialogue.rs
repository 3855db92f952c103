//! What the two ends say to each other: negotiation, keepalives, end.

use std::fmt::Write as _;

use super::{Carrier, Due, Kind, STEP_NS, Session, Track};

impl Session {
    pub(super) fn negotiate(&mut self, due: &mut Vec<Due>) -> u64 {
        let mut at_ns = self.start_ns;
        self.requests.syn(at_ns, None, due);
        self.responses
            .syn(at_ns + STEP_NS / 4, Some(&self.requests), due);
        self.requests
            .acknowledge(at_ns + STEP_NS / 2, &self.responses, due);
        at_ns += STEP_NS;
        let url = format!("rtsp://{}/live", self.server);
        at_ns = self.exchange(
            at_ns,
            "OPTIONS",
            &url,
            "",
            "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
            "",
            due,
        );
        let sdp = self.sdp();
        let head = format!(
            "Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n",
            sdp.len()
        );
        at_ns = self.exchange(
            at_ns,
            "DESCRIBE",
            &url,
            "Accept: application/sdp\r\n",
            &head,
            &sdp,
            due,
        );
        for place in 0..self.tracks.len() {
            let (asked, answered) = self.transport(place);
            let control = format!("{url}/track{place}");
            let answer = format!("Transport: {answered}\r\nSession: 12345678;timeout=60\r\n");
            at_ns = self.exchange(
                at_ns,
                "SETUP",
                &control,
                &format!("Transport: {asked}\r\n"),
                &answer,
                "",
                due,
            );
        }
        self.exchange(
            at_ns,
            "PLAY",
            &url,
            "Session: 12345678\r\nRange: npt=0-\r\n",
            "Session: 12345678\r\n",
            "",
            due,
        )
    }

    fn transport(&self, place: usize) -> (String, String) {
        let (client, server) = (self.client_media(place), self.server_media(place));
        match self.recipe.carrier {
            Carrier::Udp => {
                let asked = format!(
                    "RTP/AVP;unicast;client_port={}-{}",
                    client.port(),
                    client.port() + 1
                );
                let answered = format!(
                    "{asked};server_port={}-{}",
                    server.port(),
                    server.port() + 1
                );
                (asked, answered)
            }
            Carrier::Interleaved => {
                let text = format!(
                    "RTP/AVP/TCP;unicast;interleaved={}-{}",
                    2 * place,
                    2 * place + 1
                );
                (text.clone(), text)
            }
        }
    }

    fn sdp(&self) -> String {
        let mut sdp = String::from(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=generated\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n",
        );
        for (place, track) in self.tracks.iter().enumerate() {
            sdp += match track.medium.kind {
                Kind::Video => "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
                Kind::Audio => "m=audio 0 RTP/AVP 8\r\n",
            };
            let _ = write!(sdp, "a=control:track{place}\r\n");
        }
        sdp
    }

    /// A request and its answer; returns the time of the next step.
    #[expect(
        clippy::too_many_arguments,
        reason = "a request and its answer have this many parts"
    )]
    fn exchange(
        &mut self,
        at_ns: u64,
        method: &str,
        url: &str,
        asked: &str,
        answered: &str,
        body: &str,
        due: &mut Vec<Due>,
    ) -> u64 {
        self.cseq += 1;
        let cseq = self.cseq;
        let request = format!(
            "{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\nUser-Agent: generated\r\n{asked}\r\n"
        );
        let response = format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{answered}\r\n{body}");
        self.requests
            .send_text(at_ns, request.as_bytes(), &self.responses, due);
        self.responses.send_text(
            at_ns + STEP_NS / 2,
            response.as_bytes(),
            &self.requests,
            due,
        );
        at_ns + STEP_NS
    }

    /// A keepalive whose answer stands between two frames.
    pub(super) fn keep_alive(&mut self, at_ns: u64, due: &mut Vec<Due>) {
        self.cseq += 1;
        let request = format!(
            "GET_PARAMETER rtsp://{}/live RTSP/1.0\r\nCSeq: {}\r\nSession: 12345678\r\n\r\n",
            self.server, self.cseq
        );
        self.requests
            .send_text(at_ns, request.as_bytes(), &self.responses, due);
        let response = format!(
            "RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: 12345678\r\n\r\n",
            self.cseq
        );
        self.responses.write(response.as_bytes());
    }

    pub(super) fn end(&mut self, from_ns: u64, due: &mut Vec<Due>) {
        let played_ns = self.tracks.iter().map(Track::due_ns).max().unwrap_or(0);
        let at_ns = from_ns + played_ns + 50_000_000;
        self.responses.cut(at_ns, true, &self.requests, due);
        let url = format!("rtsp://{}/live", self.server);
        let at_ns = self.exchange(
            at_ns + 20_000_000,
            "TEARDOWN",
            &url,
            "Session: 12345678\r\n",
            "",
            "",
            due,
        );
        self.requests.fin(at_ns, &self.responses, due);
        self.responses.fin(at_ns + STEP_NS, &self.requests, due);
    }
}
