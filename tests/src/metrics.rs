//! The figures that a live run shows to Prometheus, fetched where the run is.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::lab::{Host, Lab};
use crate::wait;

/// Where the tests let runs show their figures, in the router's own namespace.
pub const ADDRESS: &str = "127.0.0.1:9554";

/// Values by name and labels as they are printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Fetches the figures of a run in the router. `get` is the program that fetches (`lab-get`).
    pub fn fetch(lab: &Lab, get: &str) -> io::Result<Self> {
        let text = lab.run(Host::Router, &[get, ADDRESS, "/metrics"])?;
        Self::read(&text)
    }

    /// Fetches until `condition` holds.
    pub fn wait(
        lab: &Lab,
        get: &str,
        what: &str,
        limit: Duration,
        condition: impl Fn(&Self) -> bool,
    ) -> io::Result<Self> {
        wait::until(what, limit, || {
            Self::fetch(lab, get)
                .ok()
                .filter(|figures| condition(figures))
        })
    }

    fn read(text: &str) -> io::Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let figures = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        let figures: Option<BTreeMap<String, f64>> = figures.collect();
        figures
            .map(Self)
            .ok_or_else(|| io::Error::other(format!("no metrics:\n{text}")))
    }

    /// The value of a name with labels, written as they are printed.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The sum over all labels of a name.
    pub fn sum(&self, name: &str) -> f64 {
        let family = self.0.iter();
        let own = family.filter(|(key, _)| key.split('{').next() == Some(name));
        own.map(|(_, value)| value).sum()
    }

    /// The series that others have not, by name and labels.
    pub fn beyond<'a>(&'a self, others: &'a Self) -> impl Iterator<Item = &'a str> {
        let added = self.0.keys().filter(|key| !others.0.contains_key(*key));
        added.map(String::as_str)
    }

    /// How many series there are.
    pub fn series(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn values_are_found_by_name_and_labels() {
        let text = "# TYPE a counter\na_total{tap=\"x\"} 3\na_total{tap=\"y\"} 4\nb 1.5\n# EOF\n";
        let figures = Figures::read(text).unwrap();
        assert_eq!(figures.get("a_total{tap=\"y\"}"), Some(4.0));
        assert!((figures.sum("a_total") - 7.0).abs() < f64::EPSILON);
        assert_eq!(figures.get("b"), Some(1.5));
        assert!(Figures::read("HTTP").is_err());
    }

    #[test]
    fn a_series_is_its_name_with_its_labels() {
        let [one, two] = ["a{tap=\"x\"} 3\n", "a{tap=\"x\"} 4\na{tap=\"y\"} 4\n"]
            .map(|text| Figures::read(text).unwrap());
        assert_eq!(two.beyond(&one).collect::<Vec<_>>(), ["a{tap=\"y\"}"]);
        assert_eq!(one.beyond(&two).next(), None);
    }
}
