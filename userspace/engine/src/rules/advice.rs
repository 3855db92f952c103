//! What to do, in the words that every rule shares.

/// Media inside the RTSP connection needs no port of its own.
pub(super) const USE_TCP: &str = "Let the player carry media over TCP: rtspt:// instead of rtsp:// where it knows that, \
    ffmpeg and ffplay -rtsp_transport tcp, VLC Tools > Preferences > Input / Codecs > RTP over RTSP (TCP), \
    Frigate preset-rtsp-generic, go2rtc by itself, ONVIF clients RTSP instead of UDP";

/// A helper opens the ports that SETUP names.
pub(super) const LOAD_HELPER: &str = "Or let the router open the ports: on OpenWrt install kmod-nf-nathelper-rtsp \
    (before April 2025 kmod-ipt-nathelper-rtsp) and assign it, since it is not assigned by itself from Linux 6.0 on: \
    nft ct helper object of type \"rtsp\" protocol tcp, set in a rule for the TCP port of the URL (554 where it names none)";

/// Where no NAT is in the way, a filter is.
pub(super) const PASS_UDP: &str = "Where no address is translated between player and camera: let the firewall between them (router, switch, \
    access point) pass the media's UDP";

/// Without any NAT in the way.
pub(super) const USE_VPN: &str =
    "Or reach the camera through a VPN, where no address is translated";

/// Only where the ALG did harm.
pub(super) const DISABLE_ALG: &str = "Switch off the router's RTSP ALG (also called RTSP passthrough, RTSP helper or \
    conntrack module rtsp): on this session it did harm";

/// Nothing to do.
pub(super) const NOTHING: &str = "Nothing needs to be done";

/// Where an ALG breaks messages and yet opens the way that media takes.
pub(super) const MEND_ALG: &str = "Leave the router's ALG on while media goes over UDP: this session needs the ports that it opens. Look for newer firmware of the \
    router, whose ALG writes messages whole";

/// For a connection that turns around in the router.
pub(super) const ASK_INSIDE: &str = "Ask the camera at its own address from inside, or by a name that leads there inside (split DNS): then no router is in the path";

/// For the same, where it has to turn around.
pub(super) const TURN_AROUND: &str = "Else let the router put its own address on what it sends back inside (NAT loopback or NAT reflection; Linux: masquerade from the home \
    network to the camera), and forward the camera's media ports beside the RTSP port";

/// Where a router drops what it should pass on.
pub(super) const LOOK_AT_ROUTER: &str = "Where the router lets the segments of a connection through no more: look into its log and settings for what may drop them \
    (firewall rules, intrusion prevention, limits of time or volume, a second line to the internet), or reach the camera through a VPN";

/// Where a router no longer knows a connection that lives.
pub(super) const TABLE_EMPTIED: &str = "Look what the router did at that moment: a restart, a line that was dialled anew, a table of connections that was \
    emptied, a firewall rule that ends connections";

/// Where a camera is gone.
pub(super) const LOOK_AT_CAMERA: &str = "Where the camera acknowledges nothing any more: look at its power, its cable or Wi-Fi, the switch in between, and whether it has \
    restarted";

/// Where a player's computer is gone.
pub(super) const LOOK_AT_PLAYER: &str = "Where the player's computer acknowledges nothing any more: look at its network, its Wi-Fi and its firewall";

/// Where the router held back at one moment what it had let pass.
pub(super) const LOOK_AT_THE_MOMENT: &str = "Look what the router did at that moment: a firewall rule or security feature, a reload of its rules, a line that was \
    dialled anew";
