//! `bench`: how fast the program is, as ratios to other programs on the same input in the same run.
//!
//! Absolute times depend on the machine and on who else is using it; a ratio to `cat` or to `tcpdump` says the same
//! thing everywhere.

mod capture;
mod kernel;
mod live;
mod measure;
mod offline;
mod soak;

use anyhow::Result;

use crate::workspace::Workspace;

/// Measures speed and memory.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Offline(offline::Args),
    Kernel(kernel::Args),
    Live(live::Args),
    Soak(soak::Args),
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    match &args.what {
        What::Offline(args) => offline::main(workspace, args),
        What::Kernel(kernel::Args {}) => kernel::main(workspace),
        What::Live(live::Args {}) => live::main(workspace),
        What::Soak(args) => soak::main(workspace, args),
    }
}
