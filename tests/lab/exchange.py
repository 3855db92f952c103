"""A camera and a player whose packets are as large as Linux makes them: exchange.py camera | exchange.py player.

The camera's description is SDP_LEN bytes long, and its RTP leaves in super-packets (UDP_SEGMENT). In each super-packet
one sequence number is left out. The player asks for one medium and says goodbye.
"""

import socket
import struct
import sys

CAMERA, PLAYER = "10.77.0.2", "10.77.0.1"
RTSP_PORT, PLAYER_PORT, CAMERA_PORT = 5544, 6000, 6002
SDP_LEN = 60_000
SUPER_PACKETS, NUMBERS, LEFT_OUT, PAYLOAD_LEN = 25, 40, 7, 200
SOL_UDP, UDP_SEGMENT = 17, 103

SDP = "v=0\r\no=- 1 1 IN IP4 10.77.0.2\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:one\r\n"
TRANSPORT = f"Transport: RTP/AVP;unicast;client_port={PLAYER_PORT}-{PLAYER_PORT + 1}"
ANSWERS = {
    "DESCRIBE": "Content-Type: application/sdp\r\n",
    "SETUP": f"Session: 1\r\n{TRANSPORT};server_port={CAMERA_PORT}-{CAMERA_PORT + 1}\r\n",
    "PLAY": "Session: 1\r\n",
    "TEARDOWN": "Session: 1\r\n",
}


def read_message(stream):
    head = []
    while (line := stream.readline().decode().strip()):
        head.append(line)
    lengths = [line.split(":")[1] for line in head if line.startswith("Content-Length")]
    stream.read(int(lengths[0]) if lengths else 0)
    return head


def camera():
    padding = "a=x-padding:" + "x" * 500 + "\r\n"
    sdp = SDP + padding * ((SDP_LEN - len(SDP)) // len(padding))
    with socket.create_server((CAMERA, RTSP_PORT)) as listener:
        print("serving", flush=True)
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            while request := read_message(stream):
                method = request[0].split()[0]
                body = sdp if method == "DESCRIBE" else ""
                head = f"RTSP/1.0 200 OK\r\n{request[1]}\r\n{ANSWERS[method]}Content-Length: {len(body)}\r\n\r\n"
                connection.sendall((head + body).encode())
                if method == "PLAY":
                    send_media()


def send_media():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.setsockopt(SOL_UDP, UDP_SEGMENT, 12 + PAYLOAD_LEN)
        media.bind((CAMERA, CAMERA_PORT))
        for first in range(0, SUPER_PACKETS * NUMBERS, NUMBERS):
            numbers = [first + count for count in range(NUMBERS) if count != LEFT_OUT]
            packets = [struct.pack(">BBHII", 0x80, 96, number, 0, 7) + bytes(PAYLOAD_LEN) for number in numbers]
            media.sendto(b"".join(packets), (PLAYER, PLAYER_PORT))


def player():
    url = f"rtsp://{CAMERA}:{RTSP_PORT}/cam"
    requests = [
        f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        f"SETUP {url}/one RTSP/1.0\r\nCSeq: 2\r\n{TRANSPORT}\r\n\r\n",
        f"PLAY {url} RTSP/1.0\r\nCSeq: 3\r\nSession: 1\r\n\r\n",
        f"TEARDOWN {url} RTSP/1.0\r\nCSeq: 4\r\nSession: 1\r\n\r\n",
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind((PLAYER, PLAYER_PORT))
        with socket.create_connection((CAMERA, RTSP_PORT)) as connection, connection.makefile("rb") as stream:
            for request in requests:
                connection.sendall(request.encode())
                read_message(stream)


camera() if sys.argv[1] == "camera" else player()
