"""Puts the frames of a capture on an interface: inject.py CAPTURE INTERFACE [paged | timed].

Frames go out in the order of the file, as fast as some frames and a short pause alternate: fast enough for a test, slow
enough for a receiver that was built without optimisation. With "timed" each goes out when its time in the capture has
come, but for a pause.

With "paged" the kernel is told (PACKET_VNET_HDR) that no more than the Ethernet header of a frame need lie in one piece:
of frames of a page and more it lays the rest in pages. How many went out so is printed, by the kernel's own account
(the event net_dev_start_xmit of tracefs), or "untold" where it gives none.
"""

import ctypes
import os
import re
import socket
import struct
import sys
import time

PER_PAUSE = 32
PAUSE_SECONDS = 0.004
SOL_PACKET, PACKET_VNET_HDR = 263, 15
# Ethernet and IPv4; the kernel may pull a tag to what is linear already.
IP_HEADER_END = 14 + 20
TRACES = "/sys/kernel/tracing"


def frames(file):
    """Each frame with its time in seconds."""
    # Times are in nanoseconds where the magic number says so.
    fraction = 1e-9 if file.read(24)[:4] == bytes.fromhex("4d3cb2a1") else 1e-6
    while header := file.read(16):
        seconds, rest, captured, _ = struct.unpack("<4I", header)
        yield seconds + rest * fraction, file.read(captured)


def as_fast_as_read(frames):
    for count, (_, frame) in enumerate(frames):
        yield frame
        if count % PER_PAUSE == 0:
            time.sleep(PAUSE_SECONDS)


def in_time(frames):
    offset = None
    for at, frame in frames:
        offset = offset or time.monotonic() - at
        while time.monotonic() < at + offset:
            time.sleep(PAUSE_SECONDS)
        yield frame


class Trace:
    """What the kernel says of the frames that this process sends."""

    def __init__(self):
        # `ip netns exec` has given this process mounts of its own.
        ctypes.CDLL(None).mount(b"tracefs", TRACES.encode(), b"tracefs", 0, None)
        self.instance = f"{TRACES}/instances/inject-{os.getpid()}"
        os.mkdir(self.instance)
        self.write("buffer_size_kb", "8192")
        self.write("set_event_pid", str(os.getpid()))
        self.write("events/net/net_dev_start_xmit/enable", "1")

    def write(self, name, text):
        with open(f"{self.instance}/{name}", "w") as file:
            file.write(text)

    def paged(self):
        with open(f"{self.instance}/trace") as file:
            sizes = re.findall(r" len=(\d+) data_len=(\d+) ", file.read())
        self.write("events/net/net_dev_start_xmit/enable", "0")
        os.rmdir(self.instance)
        return sum(int(paged) > 0 and int(length) - int(paged) < IP_HEADER_END for length, paged in sizes)


def main():
    capture, interface, *rest = sys.argv[1:]
    is_paged = rest == ["paged"]
    pace = in_time if rest == ["timed"] else as_fast_as_read
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.setsockopt(SOL_PACKET, PACKET_VNET_HDR, int(is_paged))
    wire.bind((interface, 0))
    virtio = bytes(10) if is_paged else b""
    try:
        trace = Trace() if is_paged else None
    except OSError:
        trace = None
    with open(capture, "rb") as file:
        for frame in pace(frames(file)):
            wire.send(virtio + frame)
    if is_paged:
        print(trace.paged() if trace else "untold")


main()
