"""Sends one frame that carries a text, of a type that nobody reads: last_frame.py INTERFACE TEXT.

What captures the interface has everything before it once it has this frame.
"""

import socket
import sys

# For experiments in private networks (IEEE 802, "Local Experimental EtherType 1").
ETHERTYPE = 0x88B5

interface, text = sys.argv[1:]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
    wire.bind((interface, 0))
    wire.send(b"\xff" * 6 + b"\x02" + bytes(5) + ETHERTYPE.to_bytes(2, "big") + text.encode().ljust(46, b"\0"))
