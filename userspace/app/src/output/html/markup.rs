//! HTML that cannot be got wrong: text and attributes are escaped on their way in, and what is opened is closed.

/// Attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a str)];

/// Elements after whose end a line ends, so that the source can be read too.
const BLOCKS: [&str; 26] = [
    "p", "h1", "h2", "h3", "h4", "tr", "li", "table", "thead", "tbody", "ul", "ol", "dl", "div",
    "section", "article", "header", "footer", "nav", "main", "figure", "caption", "style", "title",
    "head", "g",
];

/// A document, or a part of one, in the making.
#[derive(Debug, Default)]
pub(super) struct Markup {
    out: String,
}

impl Markup {
    /// The document so far.
    pub(super) fn into_string(self) -> String {
        self.out
    }

    /// An element with what `inside` puts into it.
    pub(super) fn within(
        &mut self,
        tag: &str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.start(tag, attributes);
        inside(self);
        self.out.extend(["</", tag, ">"]);
        if BLOCKS.contains(&tag) {
            self.out.push('\n');
        }
    }

    /// An element that holds a text.
    pub(super) fn leaf(&mut self, tag: &str, attributes: Attributes<'_>, text: &str) {
        self.within(tag, attributes, |markup| markup.text(text));
    }

    /// An element that has neither content nor end (`meta`, `br`), or a figure's that is drawn by its attributes.
    pub(super) fn start(&mut self, tag: &str, attributes: Attributes<'_>) {
        self.out.extend(["<", tag]);
        for (name, value) in attributes {
            self.out.extend([" ", name, "=\""]);
            self.text(value);
            self.out.push('"');
        }
        self.out.push('>');
    }

    /// A text, in which nothing counts as markup.
    pub(super) fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                _ => self.out.push(character),
            }
        }
    }

    /// A text of this program's own that must not be escaped: the document type and the style sheet.
    pub(super) fn own(&mut self, text: &'static str) {
        self.out.push_str(text);
    }

    /// The same, made at run time from constants.
    pub(super) fn style(&mut self, rules: &str) {
        debug_assert!(!rules.contains('<'), "rules cannot end their element");
        self.out.push_str(rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_or_an_attribute_counts_as_markup() {
        let mut markup = Markup::default();
        markup.leaf("p", &[("title", "\"><b>'")], "</p><script>&amp;");
        assert_eq!(
            markup.into_string(),
            "<p title=\"&quot;&gt;&lt;b&gt;&#39;\">&lt;/p&gt;&lt;script&gt;&amp;amp;</p>\n"
        );
    }

    #[test]
    fn what_is_opened_is_closed_around_what_is_inside() {
        let mut markup = Markup::default();
        markup.within("ul", &[], |list| {
            list.leaf("li", &[], "one");
            list.within("li", &[("class", "bad")], |item| item.start("br", &[]));
        });
        assert_eq!(
            markup.into_string(),
            "<ul><li>one</li>\n<li class=\"bad\"><br></li>\n</ul>\n"
        );
    }
}
