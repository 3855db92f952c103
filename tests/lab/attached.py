"""Prints how many programs TCX runs for packets that an interface receives and sends: attached.py INTERFACE.

Asks the kernel itself (BPF_PROG_QUERY); the usual tools of older distributions do not know TCX. A kernel without TCX
(before 6.6) refuses the question, and "none" is printed.
"""

import ctypes
import errno
import platform
import socket
import struct
import sys

BPF_PROG_QUERY = 16
TCX_INGRESS, TCX_EGRESS = 46, 47
SYSCALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]


def count(ifindex, hook):
    ids = ctypes.create_string_buffer(4 * 64)
    attributes = ctypes.create_string_buffer(
        struct.pack("=4IQII", ifindex, hook, 0, 0, ctypes.addressof(ids), 64, 0) + bytes(96)
    )
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SYSCALL, BPF_PROG_QUERY, attributes, 128) < 0:
        raise OSError(ctypes.get_errno(), "BPF_PROG_QUERY")
    return struct.unpack_from("=I", attributes, 24)[0]


interface = socket.if_nametoindex(sys.argv[1])
try:
    print(count(interface, TCX_INGRESS), count(interface, TCX_EGRESS))
except OSError as error:
    if error.errno != errno.EINVAL:
        raise
    print("none")
