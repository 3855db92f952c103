//! Writes a capture with known truth: `generate KIND SEED CAPTURE TRUTH`, KIND being `everything`, `bulk:BYTES` or
//! `cameras:COUNT`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

use rtspscope_tests::generate::{Recipe, write};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "generate: {error}; usage: generate everything|bulk:BYTES|cameras:COUNT SEED CAPTURE TRUTH"
            );
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [kind, seed, capture, truth] = arguments else {
        return Err("needs four arguments".into());
    };
    let seed = seed.parse()?;
    let recipe = match kind.split_once(':') {
        Some(("bulk", bytes)) => Recipe::bulk(seed, bytes.parse()?),
        Some(("cameras", count)) => Recipe::cameras(seed, count.parse()?),
        None if kind == "everything" => Recipe::everything(seed),
        _ => return Err(format!("unknown kind {kind}").into()),
    };
    let known = write(
        &recipe,
        &mut BufWriter::with_capacity(1 << 20, File::create(capture)?),
    )?;
    serde_json::to_writer_pretty(File::create(truth)?, &known)?;
    Ok(())
}
