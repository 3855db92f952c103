//! Short names for taps, each different from the others of the run.

use std::collections::BTreeSet;
use std::path::Path;

/// The name of a file without its directories; `stdin` for `-`.
pub(crate) fn of_file(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdin".to_owned();
    }
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// `wanted` if no tap has it yet, else `wanted` with the file before it, else with a number after it.
pub(crate) fn distinct(wanted: &str, file: &Path, taken: &BTreeSet<String>) -> String {
    let free = |name: &String| !taken.contains(name);
    // Of more numbers than there are taken names, one is free.
    let numbers = 2..taken.len() + 3;
    let with_file = format!("{}:{wanted}", of_file(file));
    [wanted.to_owned(), with_file]
        .into_iter()
        .chain(numbers.map(|number| format!("{wanted}#{number}")))
        .find(free)
        .unwrap_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_told_apart() {
        let file = Path::new("/captures/router.pcapng");
        let mut taken = BTreeSet::new();
        for name in ["eth0", "router.pcapng:eth0", "eth0#2", "eth0#3"] {
            assert_eq!(distinct("eth0", file, &taken), name);
            taken.insert(name.to_owned());
        }
    }

    #[test]
    fn a_file_is_named_without_its_directories() {
        assert_eq!(of_file(Path::new("../captures/lan.pcap")), "lan.pcap");
        assert_eq!(of_file(Path::new("-")), "stdin");
    }
}
