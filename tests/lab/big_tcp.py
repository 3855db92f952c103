"""A camera and a player on links of BIG TCP, whose segments are longer than an IP header can say.

big_tcp.py sizes INTERFACE LEN: lets the interface carry packets of LEN bytes (what `ip link set … gso_max_size` and
gso_ipv4_max_size do; iproute2 knows the second since 6.3 only).
big_tcp.py camera ADDRESS: describes its medium in SDP_LEN bytes and sends PACKETS numbers of RTP, interleaved and all at
once; every LEFT_OUT-th number is left out.
big_tcp.py player ADDRESS: asks for it, reads all of it and says goodbye.
"""

import socket
import struct
import sys

RTSP_PORT = 5544
SDP_LEN = 200_000
PACKETS, LEFT_OUT, PAYLOAD_LEN = 4_000, 100, 1_188
RTM_NEWLINK, NLM_F_REQUEST, NLM_F_ACK = 16, 1, 4
# GSO and GRO for IPv6 (and both families up to 64 KiB), then for IPv4 (linux/if_link.h).
SIZES = [41, 58, 63, 64]

SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:one\r\n"
TRANSPORT = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
ANSWERS = {
    "DESCRIBE": "Content-Type: application/sdp\r\n",
    "SETUP": f"Session: 1\r\n{TRANSPORT}\r\n",
    "PLAY": "Session: 1\r\n",
    "TEARDOWN": "Session: 1\r\n",
}


def sizes(interface, size):
    body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(interface), 0, 0)
    body += b"".join(struct.pack("=HHI", 8, kind, size) for kind in SIZES)
    head = struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(head + body)
        (error,) = struct.unpack_from("=i", netlink.recv(4096), 16)
    if error:
        raise OSError(-error, "RTM_NEWLINK")


def read_head(stream):
    head = []
    while (line := stream.readline().decode().strip()):
        head.append(line)
    return head


def media():
    numbers = [number for number in range(PACKETS) if number % LEFT_OUT != LEFT_OUT - 1]
    packets = (struct.pack(">BBHII", 0x80, 96, number, number * 90, 7) + bytes(PAYLOAD_LEN) for number in numbers)
    return b"".join(struct.pack(">cBH", b"$", 0, len(packet)) + packet for packet in packets)


def camera(address):
    padding = "a=x-padding:" + "x" * 500 + "\r\n"
    sdp = SDP + padding * ((SDP_LEN - len(SDP)) // len(padding))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, RTSP_PORT), family=family) as listener:
        print("serving", flush=True)
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            while request := read_head(stream):
                method = request[0].split()[0]
                body = sdp if method == "DESCRIBE" else ""
                head = f"RTSP/1.0 200 OK\r\n{request[1]}\r\n{ANSWERS[method]}Content-Length: {len(body)}\r\n\r\n"
                connection.sendall((head + body).encode() + (media() if method == "PLAY" else b""))


def player(address):
    url = f"rtsp://{'[' + address + ']' if ':' in address else address}:{RTSP_PORT}/cam"
    requests = [
        f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        f"SETUP {url}/one RTSP/1.0\r\nCSeq: 2\r\n{TRANSPORT}\r\n\r\n",
        f"PLAY {url} RTSP/1.0\r\nCSeq: 3\r\nSession: 1\r\n\r\n",
        f"TEARDOWN {url} RTSP/1.0\r\nCSeq: 4\r\nSession: 1\r\n\r\n",
    ]
    with socket.create_connection((address, RTSP_PORT)) as connection, connection.makefile("rb") as stream:
        for request in requests:
            connection.sendall(request.encode())
            head = read_head(stream)
            lengths = [line.split(":")[1] for line in head if line.startswith("Content-Length")]
            stream.read(int(lengths[0]))
            if request.startswith("PLAY"):
                stream.read(len(media()))


if sys.argv[1] == "sizes":
    sizes(sys.argv[2], int(sys.argv[3]))
else:
    {"camera": camera, "player": player}[sys.argv[1]](sys.argv[2])
