//! A client that opens a connection for each request (RFC 2326 §9), live: when its media begins all connections that tell of it are
//! closed, and the kernel programs know its clock rate all the same.

use std::io;

use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;
use rtspscope_tests::wait::LIMIT;

/// Answers a request on each connection, and sends media from PLAY to TEARDOWN.
const CAMERA: &str = "
import socket, struct, threading, time
sdp = b'v=0\\r\\ns=cam\\r\\nm=video 0 RTP/AVP 96\\r\\na=rtpmap:96 H264/90000\\r\\na=control:track1\\r\\n'
playing = threading.Event()
media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
media.bind(('203.0.113.10', 6970))
def send(client):
    number = 0
    while playing.is_set():
        media.sendto(struct.pack('>BBHII', 0x80, 96, number, number * 3600, 7) + bytes(200), (client, 5000))
        number += 1
        time.sleep(0.04)
def answer(peer, client):
    text = b''
    while not text.endswith(b'\\r\\n\\r\\n'):
        text += peer.recv(4096)
    method, cseq = text.split()[0], text.split(b'CSeq: ')[1].split()[0]
    head = b'RTSP/1.0 200 OK\\r\\nCSeq: ' + cseq + b'\\r\\n'
    if method == b'DESCRIBE':
        more = b'Content-Type: application/sdp\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(sdp) + sdp
    elif method == b'SETUP':
        more = b'Session: 77\\r\\nTransport: RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971\\r\\n\\r\\n'
    else:
        more = b'Session: 77\\r\\n\\r\\n'
    if method == b'PLAY':
        playing.set()
        threading.Thread(target=send, args=(client,), daemon=True).start()
    if method == b'TEARDOWN':
        playing.clear()
    peer.sendall(head + more)
    peer.recv(1)
    peer.close()
listener = socket.create_server(('203.0.113.10', 554))
while True:
    peer, (client, _) = listener.accept()
    answer(peer, client)
";

/// Asks on one connection after the other, with a rest between them in which whoever watches sees each closed.
const CLIENT: &str = "
import socket, time
socket.setdefaulttimeout(60)
media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
media.bind(('192.168.1.100', 5000))
url = 'rtsp://203.0.113.10/cam'
def ask(method, path, cseq, more=''):
    peer = socket.create_connection(('203.0.113.10', 554))
    peer.sendall(f'{method} {url}{path} RTSP/1.0\\r\\nCSeq: {cseq}\\r\\n{more}\\r\\n'.encode())
    answer = b''
    while b'\\r\\n\\r\\n' not in answer:
        answer += peer.recv(4096)
    peer.close()
    time.sleep(0.4)
ask('DESCRIBE', '', 1)
ask('SETUP', '/track1', 2, 'Transport: RTP/AVP;unicast;client_port=5000-5001\\r\\n')
media.sendto(b'punch', ('203.0.113.10', 6970))
ask('PLAY', '', 3, 'Session: 77\\r\\n')
for _ in range(100):
    media.recv(2048)
ask('TEARDOWN', '', 4, 'Session: 77\\r\\n')
";

fn script(lab: &Lab, host: Host, name: &str, text: &str) -> io::Result<Process> {
    lab.spawn(host, name, &["/usr/bin/python3", "-c", text])
}

#[test]
fn a_client_with_a_connection_for_each_request_has_its_jitter_counted() -> io::Result<()> {
    if lab::skip_unless_root("a_client_with_a_connection_for_each_request_has_its_jitter_counted") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let mut camera = script(&lab, Host::Wan, "camera", CAMERA)?;
    camera.wait_listening(554, LIMIT)?;
    let watch = Watch::start_as(&lab, "ebpf", &[], &["--backend", "ebpf"])?;
    let mut client = script(&lab, Host::Lan, "client", CLIENT)?;
    client.wait_end(LIMIT)?;
    assert_eq!(client.errors(), "");
    let watched = watch.finish()?;
    let report = &watched.report;
    let [session] = report.sessions() else {
        panic!("one session expected: {}", report.value())
    };
    let arrivals = session["media"][0]["arrivals"].as_array();
    let arrivals: Vec<_> = arrivals.into_iter().flatten().collect();
    assert_eq!(arrivals.len(), 2);
    for arrival in arrivals {
        let rtp = &arrival["rtp"];
        assert!(rtp["packets"].as_u64() >= Some(100), "{arrival}");
        assert_eq!(rtp["lost"], 0, "{arrival}");
        assert!(rtp["jitter_ms"].is_number(), "{arrival}");
    }
    let replayed = program::analyze(&[&watched.recording.to_string_lossy()])?;
    assert_eq!(report.essence(), replayed.essence());
    Ok(())
}
