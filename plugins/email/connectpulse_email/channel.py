"""The e-mail channel: what a letter is made of, and who may send it."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from connectpulse.core.api import (
    CampaignFacts,
    Channel,
    Field,
    Form,
    Kind,
    Measure,
    Preview,
    Purpose,
    Refused,
    Remarks,
    Rendered,
    Renderer,
    SenderKind,
    Template,
    check_names,
    parse_template,
)

from . import letter, looks, optout
from .blocks import SHAPES
from .blocks.build import ACCENT, COLOUR
from .document import PARTS, draft, said
from .letter import VALUES, Attachment
from .senders import ADDRESS, normalise
from .slots import OWN_NAMES, STOP_LINK
from .tracking.addresses import Tracking

if TYPE_CHECKING:
    from connectpulse.core.api import Work

_ONE: Final = Measure(1, 1)
_BRACES: Final = re.compile(r"\{(?=\{)")
_HTML, _MORE = "Made elsewhere, as HTML…", "Plain text, files, replies…"
_NO_WAY_OUT: Final = (
    "Each promotion needs a link that stops letters like it, and nobody else reaches this site: its operator has to "
    "set PUBLIC_URL to an address that people reach."
)


class EmailChannel(Channel):
    """Letters in text and HTML, counted one by one."""

    name = "email"
    title = "E-mail"
    icon = "fa-envelope"
    scheme = "email"
    unit = "message"
    is_shared = True
    has_way_out = True
    content_form: ClassVar[Form] = (
        Field("subject", "Subject", is_required=True, high=300, help="{{ name }} stands for a contact's field."),
        Field(
            "preheader",
            "Preview text",
            high=300,
            help="What inboxes show behind the subject. It stands at the beginning of the letter, unseen there.",
        ),
        Field(
            "blocks",
            "Letter",
            Kind.PIECES,
            high=200,
            shapes=SHAPES,
            help="Blocks from the top to the bottom. It is shown beside them as it will look.",
        ),
        Field(
            "accent",
            "Colour of links and buttons",
            default=ACCENT,
            high=7,
            help="Like #1f5fbf: dark enough for white words on it.",
        ),
        Field(
            "html",
            "HTML",
            Kind.LONG_TEXT,
            high=500_000,
            group=_HTML,
            help=f'Instead of blocks. {{{{ first_name | default("friend") }}}} stands for a contact\'s '
            f"field, {{{{ {STOP_LINK} }}}} as the whole of a link for the way to stop letters like it; without it one "
            "is added at the end.",
        ),
        Field(
            "text",
            "Plain text",
            Kind.LONG_TEXT,
            high=200_000,
            group=_MORE,
            help="For programs that show no HTML. Left empty, it is made from the letter.",
        ),
        Field(
            "footer",
            "Footer",
            Kind.LONG_TEXT,
            high=2_000,
            help="Who writes, with a postal address: many countries ask for it in promotions.",
        ),
        Field("stop_label", "Words of the link that stops letters", high=100, group=_MORE,
              help="Left empty: Unsubscribe."),
        Field(
            "attachments",
            "Files that go with it",
            Kind.FILES,
            high=5_000_000,
            group=_MORE,
            help="Each letter grows by them: better link to what is large.",
        ),
        Field("reply_to", "Replies to", high=254, group=_MORE,
              help="An address, if replies go elsewhere than to the sender."),
        Field("answers", "Answers the letter", high=120, group=_MORE,
              help="Its Message-ID, like <7f3@example.com>: mail programs show both together."),
    )  # fmt: skip
    opt_out_words: ClassVar[frozenset[str]] = optout.WORDS
    sample_content: ClassVar[Mapping[str, Any]] = {
        "subject": "News from Acme",
        "html": "<h1>Hello</h1><p>Our shop is open again.</p>",
        "text": "Hello! Our shop is open again.",
        "footer": "Acme Ltd, 1 Mall Road, Lahore",
    }
    sender_kinds: ClassVar[tuple[SenderKind, ...]] = (ADDRESS,)

    def normalise(self, value: str, region: str) -> str:
        """Return the address with its domain in lower-case ASCII; raise Refused if it cannot be one."""
        return normalise(value)

    def check_content(self, content: Mapping[str, Any], fields: frozenset[str]) -> None:
        """Raise Refused with every fault: grammar, unknown fields, HTML, links, the address for replies."""
        faults: list[str] = []
        for name, label in PARTS.items():
            if name in ("subject", "html") and not said(content, name).strip():
                faults.append(f"{label}: please fill this in.")
        if content.get("blocks") and str(content.get("html") or "").strip():
            faults.append("Letter: write it in blocks or as HTML, not both. Empty one of them.")
        if content.get("accent") and not COLOUR.fullmatch(str(content["accent"])):
            faults.append(f"Colour of links and buttons: write it like {ACCENT}.")
        for check in (lambda: draft(content), lambda: _check_names(content, fields)):
            try:
                check()
            except Refused as refusal:
                faults += refusal.problems
        if STOP_LINK in parse_names(said(content, "subject")):
            faults.append(f"Subject: {{{{ {STOP_LINK} }}}} can only stand in the letter.")
        faults += _misdirected(content)
        if faults:
            raise Refused(*dict.fromkeys(faults))

    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        """Return the renderer: a message keeps its subject as its text, and the values its letter substitutes."""
        subject = parse_template(said(content, "subject"))
        fill = subject.renderer()
        wanted = sorted(self.names(content))

        def render(values: Mapping[str, str]) -> Rendered:
            kept = {name: value for name in wanted if (value := values.get(name))}
            return Rendered(fill(values), _ONE, {VALUES: kept} if kept else None)

        return render

    def preview(self, content: Mapping[str, Any]) -> Preview:
        """Return size and links of a letter, and what is wrong with it."""
        return self.preview_for(content, Purpose.PROMOTIONAL, {})

    def preview_for(self, content: Mapping[str, Any], purpose: Purpose, values: Mapping[str, str]) -> Preview:
        """Return the same of a letter to one person: a value is text there, and only a promotion has a link to stop."""
        try:
            made = draft(content)
        except Refused as refusal:
            return Preview((("Subject", said(content, "subject")[:80]),), tuple(refusal.problems))
        shown = {
            slot.name: values.get(slot.name) or slot.default or f"[{slot.name}]"
            for slot in (*made.html.slots, *made.subject.slots)
        }
        shown[STOP_LINK] = "https://example.com/stop" if purpose is Purpose.PROMOTIONAL else ""
        html, subject = made.html.fill(shown), made.subject.fill(shown)
        figures = (("Subject", subject[:80]), ("Size", f"{-(-len(html.encode()) // 1000)} KB"))
        return Preview(figures, tuple(looks.warnings(subject, html)), html)

    def names(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return all fields of contacts that a content substitutes."""
        return frozenset().union(*(template.names for template in _templates(content))) - OWN_NAMES

    def required_values(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return the fields that stand somewhere without a default."""
        return frozenset().union(*(template.required for template in _templates(content))) - OWN_NAMES

    def answer_content(self, text: str, reference: str = "", about: str = "") -> Mapping[str, Any] | None:
        """Return a letter of the words alone, under the subject of the one that was answered."""
        subject = " ".join(_BRACES.sub("{ ", about).split())[:280] or "Your message"
        return {field.name: field.default for field in self.content_form} | {
            "subject": subject if subject.lower().startswith("re:") else f"Re: {subject}",
            "blocks": [{"shape": "text", "text": text}],
            "text": text,
            "answers": reference if letter.MESSAGE_ID.fullmatch(reference) else None,
        }

    def told(self, content: Mapping[str, Any], values: Mapping[str, str]) -> str:
        """Return the plain text of a letter that has one; its message's own text is the subject."""
        return parse_template(said(content, "text")).renderer()(values)

    def reads_as_opt_out(self, text: str, words: frozenset[str]) -> bool:
        """Return whether an answer asks to stop."""
        return optout.reads_as_opt_out(text, words)

    def objections(self, facts: CampaignFacts) -> list[str]:
        """Return why a campaign cannot go: promotions need a link that stops them, and no other letters have one."""
        if facts.purpose is Purpose.PROMOTIONAL:
            return [] if facts.has_way_out else [_NO_WAY_OUT]
        if not any(STOP_LINK in template.names for template in _templates(facts.content)):
            return []
        return [f"Only promotions can be stopped by a link. Remove {{{{ {STOP_LINK} }}}} from the letter."]

    def remarks(self, work: "Work", facts: CampaignFacts) -> Remarks:
        """Return what is to be done about the sender's domain; it keeps a campaign from going if asked to."""
        from . import choices, standing  # tables are mapped only where they are used

        said = standing.doubt(work, facts.sender)
        if not said:
            return Remarks()
        return Remarks(objections=(said,)) if choices.of(work).needs_verified else Remarks(warnings=(said,))

    def share(self, work: "Work", sender: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the content, who sends it, the files that go with it and the keys its letters are signed with."""
        from connectpulse.core.api import files, mail  # tables are mapped only where they are used

        from . import choices
        from .domains import keys_for

        chosen = choices.of(work)
        counts = chosen.tracks_clicks or chosen.tracks_opens

        return {
            "content": dict(content),
            "sender": sender,
            "organisation": work.organisation_id,
            "keys": keys_for(work, sender),
            "tracking": Tracking(mail.address(""), chosen.tracks_clicks, chosen.tracks_opens) if counts else None,
            "files": tuple(_attachment(files.read(work, each)) for each in content.get("attachments") or ()),
        }


def _misdirected(content: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with where replies go, and with the letter that is answered."""
    faults = []
    try:
        normalise(said(content, "reply_to") or "nobody@example.com")
    except Refused:
        faults.append("Replies to: it is not an address, like name@example.com.")
    if content.get("answers") and not letter.MESSAGE_ID.fullmatch(str(content["answers"])):
        faults.append("Answers the letter: write its Message-ID, like <7f3@example.com>.")
    return faults


def _attachment(file: Any) -> Attachment:
    return Attachment(file.name, file.media_type, file.content)


def parse_names(text: str) -> frozenset[str]:
    """Return the names in a text, none where it is malformed: that is told elsewhere."""
    try:
        return parse_template(text).names
    except Refused:
        return frozenset()


def _check_names(content: Mapping[str, Any], fields: frozenset[str]) -> None:
    """Raise Refused where a text asks for a field no contact has."""
    whole = Template(tuple(piece for name in PARTS for piece in _pieces(said(content, name))))
    check_names(whole, fields | OWN_NAMES)


def _pieces(text: str) -> tuple[Any, ...]:
    try:
        return parse_template(text).pieces
    except Refused:  # what is malformed is told elsewhere
        return ()


def _templates(content: Mapping[str, Any]) -> list[Template]:
    """Return the parsed texts of a content; raise Refused where one is malformed."""
    return [parse_template(said(content, name)) for name in PARTS]
