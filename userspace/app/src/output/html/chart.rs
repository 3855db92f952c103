//! Rate and loss of each medium over time, a line for each tap.

use rtspscope_engine::model::Session;

use super::limits::MEDIA;
use super::markup::Markup;
use super::svg::{Point, curve, drawing, line, rectangle, text};
use super::{Drawing, scrolling};
use crate::story::Place;
use crate::story::matrix::media_name;
use crate::story::rates::{self, Of, Rates, TapRates, bits};

const WIDTH: f64 = 1044.0;
const HEIGHT: f64 = 232.0;
/// Where the plot begins and ends.
const LEFT: f64 = 84.0;
const RIGHT: f64 = WIDTH - 16.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 160.0;
/// The strip of losses below it.
const LOSS_TOP: f64 = 170.0;
const LOSS_BOTTOM: f64 = 194.0;

/// A line needs two points.
const FEWEST_STEPS: usize = 2;

pub(super) fn write(part: &mut Markup, report: &Drawing<'_>, session: &Session, id: &str) {
    let drawn: Vec<(usize, Rates)> = session
        .media
        .iter()
        .enumerate()
        .take(MEDIA)
        .filter_map(|(index, media)| Some((index, rates::of(media, Of::Whole)?)))
        .filter(|(_, rates)| rates.len >= FEWEST_STEPS)
        .collect();
    if drawn.is_empty() {
        return;
    }
    part.leaf("h3", &[], "Over time");
    for (index, rates) in drawn {
        let name = media_name(session, index, report.privacy);
        let chart = Chart {
            report,
            session,
            rates: &rates,
        };
        part.within("figure", &[], |figure| {
            let caption = format!("{name}: rate, and packets lost below it");
            figure.leaf("figcaption", &[], &caption);
            scrolling(figure, &caption, |region| {
                let told = chart.told();
                let named = (caption.as_str(), told.as_str());
                let chart_id = format!("{id}-chart{index}");
                drawing(region, &chart_id, (WIDTH, HEIGHT), named, |svg| {
                    chart.draw(svg);
                });
            });
        });
    }
}

struct Chart<'a> {
    report: &'a Drawing<'a>,
    session: &'a Session,
    rates: &'a Rates,
}

impl Chart<'_> {
    fn told(&self) -> String {
        let seconds = self.rates.bin.as_secs_f64() * self.rates.len as f64;
        let taps = self.rates.taps.iter().map(|tap| {
            let peak = tap.bits_per_second.iter().copied().fold(0.0, f64::max);
            let lost: u64 = tap.lost.iter().copied().map(u64::from).sum();
            let name = self.name(tap.place);
            format!("{name}: at most {}, {lost} lost", bits(whole(peak)))
        });
        let taps: Vec<String> = taps.collect();
        format!("Over {seconds:.1} seconds. {}.", taps.join("; "))
    }

    fn name(&self, place: Place) -> String {
        place.title(self.report.snapshot, self.session)
    }

    fn draw(&self, svg: &mut Markup) {
        let peaks = self.rates.taps.iter().flat_map(|tap| &tap.bits_per_second);
        let top = ceiling(peaks.copied().fold(0.0, f64::max));
        self.axes(svg, top);
        let most = self
            .rates
            .taps
            .iter()
            .flat_map(|tap| &tap.lost)
            .max()
            .copied();
        let most = f64::from(most.unwrap_or(0).max(1));
        for (index, tap) in self.rates.taps.iter().enumerate() {
            let style = if index == 0 { "rate" } else { "rate other" };
            let y = |rate: f64| BOTTOM - rate / top * (BOTTOM - TOP);
            let points: Vec<Point> = tap
                .bits_per_second
                .iter()
                .enumerate()
                .map(|(step, rate)| (self.x(step as f64 + 0.5), y(*rate)))
                .collect();
            curve(svg, style, &points);
            self.losses(svg, tap, index, most);
            let x = LEFT + 150.0 * index as f64;
            line(svg, style, (x, 14.0), (x + 30.0, 14.0));
            text(svg, "", (x + 38.0, 18.0), &self.name(tap.place));
        }
    }

    fn x(&self, step: f64) -> f64 {
        LEFT + step / self.rates.len as f64 * (RIGHT - LEFT)
    }

    /// A bar for each step with losses; bars of several taps stand beside each other.
    fn losses(&self, svg: &mut Markup, tap: &TapRates, index: usize, most: f64) {
        let width = (RIGHT - LEFT) / self.rates.len as f64 / self.rates.taps.len() as f64;
        for (step, lost) in tap.lost.iter().enumerate().filter(|(_, lost)| **lost > 0) {
            let height = (f64::from(*lost) / most * (LOSS_BOTTOM - LOSS_TOP)).max(2.0);
            let at = (
                self.x(step as f64) + width * index as f64,
                LOSS_BOTTOM - height,
            );
            rectangle(svg, "loss", at, (width.clamp(1.5, 12.0), height));
        }
    }

    fn axes(&self, svg: &mut Markup, top: f64) {
        for part in [0.0, 0.5, 1.0] {
            let y = BOTTOM - part * (BOTTOM - TOP);
            line(svg, "grid", (LEFT, y), (RIGHT, y));
            text(
                svg,
                "faint small end",
                (LEFT - 8.0, y + 4.0),
                &bits(whole(top * part)),
            );
        }
        line(svg, "axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
        text(
            svg,
            "faint small end",
            (LEFT - 8.0, LOSS_BOTTOM - 6.0),
            "lost",
        );
        line(svg, "axis", (LEFT, LOSS_BOTTOM), (RIGHT, LOSS_BOTTOM));
        let seconds = self.rates.bin.as_secs_f64() * self.rates.len as f64;
        for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let x = LEFT + part * (RIGHT - LEFT);
            let style = if part < 1.0 {
                "faint small middle"
            } else {
                "faint small end"
            };
            let label = format!("{:.1} s", seconds * part);
            text(svg, style, (x, LOSS_BOTTOM + 18.0), &label);
        }
    }
}

/// The next of 1, 2, 5, 10, 20, … above a rate.
fn ceiling(rate: f64) -> f64 {
    let power = 10_f64.powf(rate.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= rate).unwrap_or(rate)
}

/// A rate in whole bits per second.
#[expect(clippy::cast_sign_loss, reason = "rates are not negative")]
fn whole(rate: f64) -> u64 {
    rate as u64
}

#[cfg(test)]
mod tests {
    use super::ceiling;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let ends = [0.0, 1.0, 1_300.0, 4_000.0, 700_000.0, 1e6].map(ceiling);
        assert_eq!(
            ends.map(super::whole),
            [1, 1, 2_000, 5_000, 1_000_000, 1_000_000]
        );
    }
}
