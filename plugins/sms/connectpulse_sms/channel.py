"""The SMS channel: what a text message is made of, what it takes, and who may send it."""

from collections.abc import Mapping
from typing import Any, ClassVar

from connectpulse.core.api import (
    STOP_WORDS,
    CampaignFacts,
    Channel,
    Field,
    Form,
    Kind,
    Measure,
    Preview,
    Purpose,
    Refused,
    Rendered,
    Renderer,
    SenderKind,
    Template,
    check_names,
    normalise_address,
    offers_way_out,
    parse_template,
    reads_as_opt_out,
)

from .encoding import UCS2, measure, outside_gsm, straighten
from .senders import ALPHANUMERIC, LONGCODE, SHORTCODE

MOST_PARTS = 10
"""Beyond this handsets and networks drop parts; longer texts are refused."""

_LONGEST_BODY = 4000


class SmsChannel(Channel):
    """Text messages, counted in parts of 160 or 70 characters."""

    name = "sms"
    title = "SMS"
    icon = "fa-comment"
    scheme = "phone"
    unit = "part"
    content_form: ClassVar[Form] = (
        Field(
            "body",
            "Text",
            Kind.LONG_TEXT,
            help='The message. {{ name }} or {{ name | default("friend") }} stands for a contact\'s field.',
            is_required=True,
            high=_LONGEST_BODY,
        ),
        Field(
            "smart_encoding",
            "Smart encoding",
            Kind.SWITCH,
            help="Replace curly quotes, long dashes and the like where that makes the message cheaper.",
            default=True,
        ),
    )
    sender_kinds: ClassVar[tuple[SenderKind, ...]] = (ALPHANUMERIC, SHORTCODE, LONGCODE)
    opt_out_words: ClassVar[frozenset[str]] = STOP_WORDS
    opt_out_reply: ClassVar[Mapping[str, Any]] = {"body": "You will receive no more messages from us."}

    def normalise(self, value: str, region: str) -> str:
        """Return the number in E.164, like +923001234567; raise Refused saying what is wrong with it."""
        return normalise_address(self.scheme, value, region)

    def check_content(self, content: Mapping[str, Any], fields: frozenset[str]) -> None:
        """Raise Refused with every fault: grammar, unknown fields, NUL, no text, too many parts."""
        body = _body(content)
        faults = []
        if not body.strip():
            faults.append("Text: please write the message.")
        if "\x00" in body:
            faults.append("Text: it contains a NUL character, which no phone can show. Please retype it.")
        try:
            template = parse_template(body)
            check_names(template, fields)
        except Refused as refusal:
            faults += refusal.problems
        else:
            parts = measure(_sample(template, content)).parts
            if parts > MOST_PARTS:
                faults.append(_too_long(parts))
        if faults:
            raise Refused(*faults)

    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        """Return the renderer of this content; it raises Refused for a recipient whose text is too long."""
        template = parse_template(_body(content))
        fill = template.renderer()
        is_smart = _is_smart(content)

        def render(values: Mapping[str, str]) -> Rendered:
            text = fill(values)
            if is_smart:
                text = straighten(text)
            parts = measure(text).parts
            if parts > MOST_PARTS:
                raise Refused(_too_long(parts))
            return Rendered(text, Measure(parts, parts))

        if template.names:
            return render
        same = render({})
        return lambda values: same

    def preview(self, content: Mapping[str, Any]) -> Preview:
        """Return characters, encoding, parts and room left; warn of what makes the message dearer."""
        warnings: list[str] = []
        try:
            template = parse_template(_body(content))
        except Refused as refusal:
            template = Template((_body(content),))
            warnings += refusal.problems
        text = _sample(template, content)
        alphabet, units, parts = measure(text)
        if alphabet is UCS2 and text:
            signs = " ".join(repr(sign) for sign in outside_gsm(text)[:10])
            warnings.append(f"Not in the GSM alphabet, so a part holds 70 characters instead of 160: {signs}")
        if template.names:
            names = ", ".join(sorted(template.names))
            warnings.append(f"Counted without the values of {names}: length and parts vary by recipient.")
        if parts > MOST_PARTS:
            warnings.append(_too_long(parts))
        room = alphabet.room[8] * parts if parts > 1 else alphabet.room[0]
        figures = {
            "Characters": units,
            "Encoding": alphabet.name,
            "Parts": parts,
            "Left in part": room - units,
        }
        return Preview(tuple((label, str(figure)) for label, figure in figures.items()), tuple(warnings))

    def names(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return all placeholders of the text."""
        return parse_template(_body(content)).names

    def required_values(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return the placeholders without a default."""
        return parse_template(_body(content)).required

    def objections(self, facts: CampaignFacts) -> list[str]:
        """Return the rules a campaign breaks: a promotion must offer a way out.

        PECA 2016 section 25 asks for an opt-out in direct marketing, and so do TCPA and PECR. Whether the
        sender is approved for promotions is checked by core, for every channel.
        """
        if facts.purpose is not Purpose.PROMOTIONAL or offers_way_out(_body(facts.content), facts.opt_out_hint):
            return []
        example = facts.opt_out_hint or "To stop, send STOP to 1234567"
        return [f"A promotional message must say how to opt out. Add for example: {example}"]

    def reads_as_opt_out(self, text: str, words: frozenset[str]) -> bool:
        """Return whether `text` or its first sentence is one of `words`."""
        return reads_as_opt_out(text, words)


def _body(content: Mapping[str, Any]) -> str:
    """Return the text with single line ends: browsers send two characters for each, and both cost."""
    return str(content.get("body") or "").replace("\r\n", "\n")


def _is_smart(content: Mapping[str, Any]) -> bool:
    return bool(content.get("smart_encoding", True))


def _sample(template: Template, content: Mapping[str, Any]) -> str:
    """Return the text with placeholders at their defaults, as short as it can be."""
    text = template.renderer()({})
    return straighten(text) if _is_smart(content) else text


def _too_long(parts: int) -> str:
    return f"Text: it takes {parts} parts; at most {MOST_PARTS} are sent. Please shorten it."
