//! How players and recorders are told to carry media over TCP, and what else helps them through a NAT.

use super::Standing;

/// A player, recorder or library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Player {
    /// Name for reports.
    pub title: &'static str,
    /// What its User-Agent begins with, in lower case.
    pub agents: &'static [&'static str],
    /// How it is told to use TCP.
    pub tcp: &'static str,
    /// What it does over UDP that matters to a NAT; empty where nothing is known.
    pub over_udp: &'static str,
    /// How far this was checked.
    pub standing: Standing,
}

/// All players, those that many others are built on first.
pub const PLAYERS: &[Player] = &[
    Player {
        title: "ffmpeg, ffplay, and what is built on them",
        agents: &["lavf"],
        tcp: "-rtsp_transport tcp before -i",
        over_udp: "sends first from its media ports and sends receiver reports; min_port and max_port choose the ports",
        standing: Standing::Unverified,
    },
    Player {
        title: "VLC",
        agents: &["libvlc", "vlc"],
        tcp: "Tools > Preferences > Input / Codecs > Live555 stream transport: RTP over RTSP (TCP), or --rtsp-tcp",
        over_udp: "sends four bytes first from each media port; --rtsp-client-port chooses the ports",
        standing: Standing::Unverified,
    },
    Player {
        title: "GStreamer",
        agents: &["gstreamer"],
        tcp: "rtspsrc protocols=tcp, or a URL that begins with rtspt://",
        over_udp: "sends first only with nat-method=dummy, which is the default of the element but not of all programs; port-range chooses the ports",
        standing: Standing::Unverified,
    },
    Player {
        title: "mpv",
        agents: &["libmpv", "mpv"],
        tcp: "--rtsp-transport=tcp, which is the default",
        over_udp: "",
        standing: Standing::Unverified,
    },
    Player {
        title: "Frigate",
        agents: &[],
        tcp: "input_args: preset-rtsp-generic (preset-rtsp-udp is the one for UDP); a stream from its own go2rtc: preset-rtsp-restream",
        over_udp: "as ffmpeg",
        standing: Standing::Unverified,
    },
    Player {
        title: "go2rtc",
        agents: &["go2rtc"],
        tcp: "rtsp:// is TCP by itself; an ffmpeg: source is too, unless it says #input=rtsp/udp",
        over_udp: "",
        standing: Standing::Unverified,
    },
    Player {
        title: "Home Assistant",
        agents: &["home assistant", "homeassistant"],
        tcp: "Generic Camera: Settings > Devices & services > Generic Camera > Configure: RTSP transport protocol: TCP",
        over_udp: "as ffmpeg",
        standing: Standing::Unverified,
    },
    Player {
        title: "MediaMTX",
        agents: &["mediamtx", "gortsplib"],
        tcp: "rtspTransport: tcp in the path of the source",
        over_udp: "sends first from its media ports and sends receiver reports",
        standing: Standing::Unverified,
    },
    Player {
        title: "Blue Iris",
        agents: &["blue iris"],
        tcp: "Camera settings > Video > Configure: the RTSP stream over TCP rather than UDP; Send RTSP keep-alives is beside it",
        over_udp: "",
        standing: Standing::Unverified,
    },
    Player {
        title: "Synology Surveillance Station",
        agents: &["synology", "surveillance station"],
        tcp: "IP Camera > Edit > Edit camera > Video: transport protocol TCP (or RTSP over HTTP)",
        over_udp: "",
        standing: Standing::Unverified,
    },
    Player {
        title: "ONVIF clients",
        agents: &["onvif"],
        tcp: "GetStreamUri with StreamSetup Transport Protocol RTSP (media inside RTSP) or HTTP instead of UDP; in menus often called \
            RTSP, TCP or RTP over RTSP",
        over_udp: "any request but TEARDOWN, and unicast receiver reports, keep a session of the camera alive",
        standing: Standing::Unverified,
    },
    Player {
        title: "Android (ExoPlayer, Media3)",
        agents: &["exoplayer", "androidxmedia3"],
        tcp: "RtspMediaSource.Factory.setForceUseRtpTcp(true)",
        over_udp: "goes over to TCP by itself when nothing came for eight seconds",
        standing: Standing::Unverified,
    },
    Player {
        title: "openRTSP and live555's proxy",
        agents: &["openrtsp", "live555 streaming media", "./openrtsp"],
        tcp: "-t",
        over_udp: "sends first from its media ports; -p chooses the ports",
        standing: Standing::Unverified,
    },
    Player {
        title: "ZoneMinder",
        agents: &["zoneminder"],
        tcp: "Source > Method: TCP, with source type Ffmpeg",
        over_udp: "as ffmpeg",
        standing: Standing::Unverified,
    },
    Player {
        title: "retina, Moonfire NVR",
        agents: &["retina", "moonfire"],
        tcp: "TCP is the default; Moonfire: transport: tcp of the stream",
        over_udp: "takes media only from the announced server_port",
        standing: Standing::Unverified,
    },
];

/// The player that calls itself so in its User-Agent.
pub fn by_user_agent(agent: &str) -> Option<&'static Player> {
    let agent = agent.trim_start().to_ascii_lowercase();
    PLAYERS
        .iter()
        .find(|player| player.agents.iter().any(|begin| agent.starts_with(begin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(agent: &str) -> Option<&'static str> {
        by_user_agent(agent).map(|player| player.title)
    }

    #[test]
    fn players_are_known_by_what_they_call_themselves() {
        assert_eq!(
            title("Lavf60.16.100"),
            Some("ffmpeg, ffplay, and what is built on them")
        );
        assert_eq!(
            title("LibVLC/3.0.20 (LIVE555 Streaming Media v2022)"),
            Some("VLC")
        );
        assert_eq!(title("GStreamer/1.22.0"), Some("GStreamer"));
        assert_eq!(title("go2rtc/1.9.4"), Some("go2rtc"));
        assert_eq!(title("some camera tool with Lavf inside"), None);
        assert_eq!(title(""), None);
    }

    #[test]
    fn no_two_players_call_themselves_alike() {
        for (index, player) in PLAYERS.iter().enumerate() {
            assert!(!player.tcp.is_empty());
            for agent in player.agents {
                let later = PLAYERS[index + 1..].iter().flat_map(|other| other.agents);
                assert!(
                    later.into_iter().all(|other| !other.starts_with(agent)),
                    "{agent}"
                );
            }
        }
    }
}
