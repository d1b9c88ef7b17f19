"""HTML for mail: parsed, styles moved into the tags, cleaned, and each place for a value known by where it stands.

css-inline and nh3 read HTML as browsers do and write it canonically, so that what is looked at here is what a
reader's program will see. Styles that cannot be moved (`@media`) are kept together in the head.
"""

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Final, NamedTuple

import css_inline
import nh3

from connectpulse.core.api import Refused

from .links import link_fault
from .slots import Marks, Write, in_link, markup

TAGS: Final = (nh3.ALLOWED_TAGS | {"center", "font", "main", "section", "style", "big"}) - {"map", "area"}
_EVERYWHERE: Final = {
    "style", "class", "id", "title", "dir", "lang", "align", "valign", "bgcolor", "width", "height", "role",
    "aria-label", "aria-hidden",
}  # fmt: skip
ATTRIBUTES: Final[dict[str, set[str]]] = {
    "*": _EVERYWHERE,
    "a": {"href", "target", "name"},
    "img": {"src", "alt", "border"},
    "table": {"border", "cellpadding", "cellspacing", "summary"},
    "td": {"colspan", "rowspan", "nowrap", "background"},
    "th": {"colspan", "rowspan", "nowrap", "scope"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type"},
    "style": {"media"},
}
_LINKS: Final = frozenset({"href", "src", "background"})
_TEXTS: Final = frozenset({"alt", "title", "aria-label"})
_DROPPED: Final = {"script", "title", "noscript", "iframe", "object", "template", "svg", "math", "textarea", "select"}

_INLINER: Final = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_URL: Final = re.compile(r"url\(\s*[\"']?\s*([^\"')]*)", re.IGNORECASE)
_NOT_CSS: Final = re.compile(
    r"<|\\|@import|@charset|expression\s*\(|javascript:|-moz-binding|behavior\s*:", re.IGNORECASE
)


class Page(NamedTuple):
    """Clean HTML with the words of its slots still in it: the inside of its body, its styles, and what it says of
    itself. `writers` tells by a slot's number how its value is written where it stands."""

    inside: str
    styles: str
    body_style: str
    lang: str
    direction: str
    writers: Mapping[int, Write]


def clean(source: str, marks: Marks) -> Page:
    """Return `source` made ready for mail; raise Refused with every fault in it."""
    try:
        inlined = _INLINER.inline(source)
    except (ValueError, css_inline.InlineError) as fault:
        raise Refused(f"HTML: its styles cannot be read ({str(fault)[:80]}).") from None
    raw = _Reading(marks)
    raw.read(inlined)
    if raw.faults:
        raise Refused(*dict.fromkeys(raw.faults))
    tidy = nh3.clean(
        inlined,
        tags=TAGS,
        clean_content_tags=_DROPPED,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )
    final = _Reading(marks)
    final.read(tidy)
    if final.faults:
        raise Refused(*dict.fromkeys(final.faults))
    inside = _without_styles(tidy, final.style_spans)
    return Page(inside, "\n".join(final.styles), raw.body_style, raw.lang, raw.direction, final.writers)


def _without_styles(text: str, spans: Sequence[tuple[int, int]]) -> str:
    for start, end in reversed(spans):
        text = text[:start] + text[end:]
    return text.strip()


class _Reading(HTMLParser):
    """Reads canonical HTML: collects its styles, how slots are to be written, and faults."""

    def __init__(self, marks: Marks) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.styles: list[str] = []
        self.style_spans: list[tuple[int, int]] = []
        self.writers: dict[int, Write] = {}
        self.body_style = self.lang = self.direction = ""
        self._marks = marks
        self._text = ""
        self._starts: list[int] = []

    def read(self, text: str) -> None:
        """Read a whole document."""
        self._text, self._starts = text, [0]
        for line in text.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self.feed(text)
        self.close()

    def _place(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        if tag == "style":
            self._take_styles()

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self._use(data, markup)

    def _take_styles(self) -> None:
        """Take what stands in a style up to its end as it is written canonically.

        This parser lets a style end earlier than browsers do (at `</ style>`), so it is not asked.
        """
        start = self._place()
        inside = start + len(self.get_starttag_text() or "")
        end = self._text.find("</style>", inside)
        end = end if end >= 0 else len(self._text)
        self.styles.append(self._text[inside:end])
        self.style_spans.append((start, end + len("</style>")))
        self._css(self.styles[-1])

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name == "style":
            self._css(value)
        elif name in _LINKS and value:
            fault = link_fault(value, self._marks, is_shown=name != "href")
            self.faults += [fault] if fault else []
            self._use(value, markup if self._marks.pattern.fullmatch(value) else in_link)
        elif name in _TEXTS:
            self._use(value, markup)
        elif self._marks.find(value):
            self.faults.append(f"HTML: a placeholder cannot stand in {name}=… of <{tag}>.")
        if tag == "body":
            self.body_style = value if name == "style" else self.body_style
        if tag in ("html", "body"):
            self.lang = value if name == "lang" else self.lang
            self.direction = value if name == "dir" and value in ("ltr", "rtl") else self.direction

    def _use(self, text: str, write: Write) -> None:
        for number in map(int, self._marks.pattern.findall(text)):
            if self.writers.setdefault(number, write) is not write:
                self.faults.append("HTML: a placeholder stands where tags are not closed; look at the tags around it.")

    def _css(self, text: str) -> None:
        bare = _COMMENT.sub(" ", text)
        odd = _NOT_CSS.search(text) or _NOT_CSS.search(bare)
        if odd:
            self.faults.append(f"HTML: styles may not contain {odd[0].strip()!r}.")
        if self._marks.find(text):
            self.faults.append("HTML: a placeholder cannot stand in styles.")
        for link in _URL.findall(bare):
            if not link.lower().startswith("https://"):
                self.faults.append("HTML: pictures in styles must be at an address that begins with https://.")
