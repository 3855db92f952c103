//! A real browser without a window: opens a file, and tells what it looked like, complained about and asked the network
//! for.
//!
//! All requests go to a proxy of our own on the loopback interface, which refuses them, so that nothing leaves the
//! machine and everything that would is known. What the browser asks of its maker by itself is no request of the page.

use std::fs;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc;
use std::time::Duration;

use crate::png::Picture;
use crate::tools;

/// Colours that the user's system asks pages for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What came of opening a page.
#[derive(Debug)]
pub struct Visit {
    /// What it looked like.
    pub picture: Picture,
    /// Lines that the page's console got: errors, refused loads.
    pub console: Vec<String>,
    /// First lines of the requests that the page made.
    pub requests: Vec<String>,
}

/// Seconds after which a browser is ended as hanging.
const LIMIT: &str = "60";

/// Hosts that the browser itself talks to.
const OF_ITS_MAKER: [&str; 2] = ["google.com", "googleapis.com"];

/// Options that keep the browser from doing anything but what it is told.
const QUIET: [&str; 12] = [
    "--headless",
    // Namespaces of its own are not to be had in many containers; the pages are ours.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--disable-dev-shm-usage",
    "--enable-logging=stderr",
];

/// A browser with a directory of its own.
#[derive(Debug)]
pub struct Browser {
    program: &'static str,
    directory: PathBuf,
}

impl Browser {
    /// The browser of this machine, or that the test `name` is skipped; fails where the browser has to be there.
    pub fn find(name: &str, directory: &Path) -> io::Result<Option<Self>> {
        let found = tools::first_of(&["chromium", "chromium-browser", "google-chrome"]);
        let Some(program) = tools::or_skip(name, "chromium", found)? else {
            return Ok(None);
        };
        let directory = directory.join(format!("browser-{name}"));
        fs::create_dir_all(&directory)?;
        Ok(Some(Self { program, directory }))
    }

    /// Opens a file in a window of the given size.
    pub fn open(&self, file: &Path, scheme: Scheme, size: (u32, u32)) -> io::Result<Visit> {
        let proxy = Proxy::start()?;
        let picture = self.directory.join(format!("{scheme:?}.png"));
        let scheme = match scheme {
            Scheme::Dark => "preferredColorScheme=0",
            Scheme::Light => "preferredColorScheme=1",
        };
        let output = self.run(&[
            &format!("--proxy-server={}", proxy.address),
            "--proxy-bypass-list=<-loopback>",
            &format!("--blink-settings={scheme}"),
            &format!("--window-size={},{}", size.0, size.1),
            &format!("--screenshot={}", picture.display()),
            &format!("file://{}", file.display()),
        ])?;
        let said = String::from_utf8_lossy(&output.stderr);
        let console = said.lines().filter(|line| line.contains(":CONSOLE"));
        Ok(Visit {
            console: console.map(str::to_owned).collect(),
            picture: Picture::read(&fs::read(&picture)?)?,
            requests: proxy.requests(),
        })
    }

    /// The document of a page after its scripts have run.
    pub fn document(&self, file: &Path) -> io::Result<String> {
        let output = self.run(&[
            "--virtual-time-budget=4000",
            "--dump-dom",
            &format!("file://{}", file.display()),
        ])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn run(&self, args: &[&str]) -> io::Result<Output> {
        let profile = self.directory.join("profile");
        let output = Command::new("timeout")
            .args(["--signal", "KILL", LIMIT, self.program])
            .args(QUIET)
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(args)
            .output()?;
        if output.status.success() {
            Ok(output)
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("{}: {said}", self.program)))
        }
    }
}

/// Takes requests and answers none.
struct Proxy {
    address: String,
    lines: mpsc::Receiver<String>,
}

impl Proxy {
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || sender.send(first_line(connection)));
            }
        });
        Ok(Self { address, lines })
    }

    fn requests(&self) -> Vec<String> {
        // A connection that was opened in advance and never used asked for nothing.
        let is_of_page = |line: &String| {
            !line.is_empty() && !OF_ITS_MAKER.iter().any(|host| line.contains(host))
        };
        self.lines.try_iter().filter(is_of_page).collect()
    }
}

fn first_line(mut connection: TcpStream) -> String {
    let mut request = [0_u8; 2_048];
    // A browser may open connections in advance and never use them.
    let _no_limit_no_harm = connection.set_read_timeout(Some(Duration::from_secs(5)));
    let len = connection.read(&mut request).unwrap_or(0);
    let text = String::from_utf8_lossy(&request[..len]).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}
