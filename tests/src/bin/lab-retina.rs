//! retina as a player, to be run in a namespace of the lab: a strict client, which plays nothing that comes from another
//! port than the camera announced, begins at DESCRIBE, and sends no receiver reports.
//!
//! `lab-retina udp|tcp URL PACKETS` reads the first medium until so many RTP packets of it came, or fails when none came for
//! five seconds; it prints how many came. It puts no pictures together: a server may begin in the midst of one, which retina
//! takes for an error.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use futures::StreamExt;
use retina::client::{
    PacketItem, PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Transport,
};

/// Longest time without a packet.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [transport, url, packets] = arguments.as_slice() else {
        return Err("usage: lab-retina udp|tcp URL PACKETS".into());
    };
    let transport: Transport = transport.parse()?;
    let wanted: u32 = packets.parse()?;
    let group = std::sync::Arc::new(SessionGroup::default());
    let options = SessionOptions::default()
        .user_agent("retina".to_owned())
        .session_group(group.clone());
    let mut session = Session::describe(url.parse()?, options).await?;
    session
        .setup(0, SetupOptions::default().transport(transport))
        .await?;
    let mut playing = session.play(PlayOptions::default()).await?;
    let mut came = 0;
    while came < wanted {
        let item = tokio::time::timeout(PATIENCE, playing.next()).await;
        let item = item.map_err(|_| format!("{came} packets, then none for {PATIENCE:?}"))?;
        let item = item.ok_or_else(|| format!("the camera ended it after {came} packets"))?;
        if matches!(item?, PacketItem::Rtp(_)) {
            came += 1;
        }
    }
    // The session ends with its last handle; its TEARDOWN is sent by a task that outlives it.
    drop(playing);
    group.await_teardown().await?;
    writeln!(io::stdout(), "{came} packets")?;
    Ok(())
}
