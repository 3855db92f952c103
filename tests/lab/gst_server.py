#!/usr/bin/python3
"""A camera: GStreamer's RTSP server with a moving test picture (and a tone) at rtsp://HOST:PORT/PATH."""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--port", type=int, default=554)
options.add_argument("--path", default="/test")
options.add_argument("--size", default="320x240")
options.add_argument("--fps", type=int, default=15)
options.add_argument("--kbps", type=int, default=300)
options.add_argument("--audio", action="store_true")
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
server = GstRtspServer.RTSPServer()
server.set_service(str(options.port))
server.get_mount_points().add_factory(options.path, factory)
server.attach(None)
GLib.MainLoop().run()
