//! One HTTP request from a namespace of the lab: `lab-get ADDRESS:PORT TARGET` prints the body of a 200.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, target] = arguments.as_slice() else {
        return Err("lab-get ADDRESS:PORT TARGET".into());
    };
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {target} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("no HTTP response")?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(format!("{head}\n{body}").into());
    }
    io::stdout().write_all(body.as_bytes())?;
    Ok(())
}
