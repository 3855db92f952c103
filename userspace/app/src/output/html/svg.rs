//! Shapes of a drawing.

use super::markup::Markup;

/// A point, in units of the drawing.
pub(super) type Point = (f64, f64);

/// A drawing of this size, with what `inside` puts into it. It is named and told in a sentence for those who hear it.
pub(super) fn drawing(
    markup: &mut Markup,
    id: &str,
    (width, height): Point,
    (name, told): (&str, &str),
    inside: impl FnOnce(&mut Markup),
) {
    let told_id = format!("{id}-told");
    let view = format!("0 0 {} {}", number(width), number(height));
    let attributes = [
        ("role", "img"),
        ("aria-label", name),
        ("aria-describedby", &told_id),
        ("viewBox", &view),
        ("width", &number(width)),
        ("height", &number(height)),
    ];
    markup.within("svg", &attributes, |svg| {
        svg.leaf("title", &[], name);
        svg.leaf("desc", &[("id", &told_id)], told);
        inside(svg);
    });
}

/// A line from one point to the other.
pub(super) fn line(svg: &mut Markup, class: &str, from: Point, to: Point) {
    shape(
        svg,
        "line",
        class,
        &[("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)],
    );
}

/// A rectangle by its upper left corner and its size.
pub(super) fn rectangle(svg: &mut Markup, class: &str, at: Point, size: Point) {
    let sizes = [("width", size.0.max(0.0)), ("height", size.1.max(0.0))];
    shape(
        svg,
        "rect",
        class,
        &[("x", at.0), ("y", at.1), ("rx", 3.0), sizes[0], sizes[1]],
    );
}

/// A dot.
pub(super) fn dot(svg: &mut Markup, class: &str, at: Point) {
    shape(
        svg,
        "circle",
        class,
        &[("cx", at.0), ("cy", at.1), ("r", 4.0)],
    );
}

/// A text whose base line begins, is centred or ends at a point, as its class says.
pub(super) fn text(svg: &mut Markup, class: &str, at: Point, text: &str) {
    let (x, y) = (number(at.0), number(at.1));
    svg.leaf("text", &[("class", class), ("x", &x), ("y", &y)], text);
}

/// The tip of an arrow that ends at a point.
pub(super) fn tip(svg: &mut Markup, class: &str, at: Point, to_the_right: bool) {
    let back = if to_the_right { -9.0 } else { 9.0 };
    let corners = [
        (at.0, at.1),
        (at.0 + back, at.1 - 4.5),
        (at.0 + back, at.1 + 4.5),
    ];
    svg.leaf(
        "polygon",
        &[("class", class), ("points", &points(&corners))],
        "",
    );
}

/// A line through many points.
pub(super) fn curve(svg: &mut Markup, class: &str, through: &[Point]) {
    svg.leaf(
        "polyline",
        &[("class", class), ("points", &points(through))],
        "",
    );
}

fn points(points: &[Point]) -> String {
    let points = points
        .iter()
        .map(|(x, y)| format!("{},{}", number(*x), number(*y)));
    points.collect::<Vec<_>>().join(" ")
}

fn shape(svg: &mut Markup, tag: &str, class: &str, numbers: &[(&str, f64)]) {
    let numbers: Vec<(&str, String)> = numbers
        .iter()
        .map(|(name, value)| (*name, number(*value)))
        .collect();
    let mut attributes = vec![("class", class)];
    attributes.extend(numbers.iter().map(|(name, value)| (*name, value.as_str())));
    svg.leaf(tag, &attributes, "");
}

/// A number with one digit behind the point at most.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_elements_with_short_numbers() {
        let mut svg = Markup::default();
        line(&mut svg, "life", (1.0, 2.25), (3.96, 4.0));
        assert_eq!(
            svg.into_string(),
            "<line class=\"life\" x1=\"1\" y1=\"2.2\" x2=\"4\" y2=\"4\"></line>"
        );
    }
}
