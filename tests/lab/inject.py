"""Puts the frames of a capture on an interface: inject.py CAPTURE INTERFACE.

Frames go out in the order of the file, as fast as PER_PAUSE frames and a short pause alternate: fast enough for a test,
slow enough for a receiver that was built without optimisation.
"""

import socket
import struct
import sys
import time

PER_PAUSE = 32
PAUSE_SECONDS = 0.004


def frames(file):
    file.read(24)
    while header := file.read(16):
        yield file.read(struct.unpack("<4I", header)[2])


def main():
    capture, interface = sys.argv[1:]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    with open(capture, "rb") as file:
        for count, frame in enumerate(frames(file)):
            wire.send(frame)
            if count % PER_PAUSE == 0:
                time.sleep(PAUSE_SECONDS)


main()
