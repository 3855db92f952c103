#!/usr/bin/python3
"""A camera: GStreamer's RTSP server with a moving test picture (and a tone) at rtsp://HOST:PORT/PATH."""

import argparse
import os
import subprocess

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--port", type=int, default=554)
options.add_argument("--path", default="/test")
options.add_argument("--size", default="320x240")
options.add_argument("--fps", type=int, default=15)
options.add_argument("--kbps", type=int, default=300)
options.add_argument("--audio", action="store_true")
options.add_argument("--tls", action="store_true", help="serve rtsps with a certificate made for the purpose")
options.add_argument("--group", help="serve to this multicast group only")
options = options.parse_args()

Gst.init(None)
width, height = options.size.split("x")
pipeline = (
    f"videotestsrc is-live=true pattern=snow ! video/x-raw,width={width},height={height},framerate={options.fps}/1 "
    f"! x264enc tune=zerolatency speed-preset=ultrafast bitrate={options.kbps} key-int-max={options.fps} "
    "! rtph264pay name=pay0 pt=96 config-interval=1"
)
if options.audio:
    pipeline += " audiotestsrc is-live=true ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay name=pay1 pt=8"
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( {pipeline} )")
factory.set_shared(True)
if options.group:
    pool = GstRtspServer.RTSPAddressPool()
    pool.add_range(options.group, options.group, 5000, 5009, 8)
    factory.set_address_pool(pool)
    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP_MCAST)
server = GstRtspServer.RTSPServer()
server.set_service(str(options.port))
if options.tls:
    pem = "/tmp/rtspscope-lab-%d.pem" % os.getpid()
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=camera"]
    subprocess.run([*make, "-keyout", pem, "-out", pem + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(pem) as key, open(pem + ".crt") as certificate:
        text = key.read() + certificate.read()
    os.remove(pem)
    os.remove(pem + ".crt")
    auth = GstRtspServer.RTSPAuth()
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_pem(text, -1))
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "anyone")
    auth.set_default_token(token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("anyone", "media.factory.access", True)
    permissions.add_permission_for_role("anyone", "media.factory.construct", True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory(options.path, factory)
server.attach(None)
GLib.MainLoop().run()
