"""The WhatsApp channel: what a message is made of, to whom it may go, and who may send it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Final

from connectpulse.core.api import (
    STOP_WORDS,
    CampaignFacts,
    Channel,
    Form,
    Needs,
    Preview,
    Purpose,
    Refused,
    Renderer,
    SenderKind,
    Work,
    check_names,
    files,
    normalise_address,
    offers_way_out,
    reads_as_opt_out,
)

from . import bubble, checks
from .buttons import STOP, STOP_PAYLOAD
from .content import Written, examples, read
from .form import ACCEPTED, FORM, LARGEST, MARKETING, MEDIA, TEXT
from .rendering import renderer

WINDOW: Final = timedelta(hours=24)
"""How long after somebody wrote a free text may answer them."""

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def check_number(value: str) -> str | None:
    """Return what is wrong with a sender: it is the number people see, whose id at Meta the connection knows."""
    if _NUMBER.fullmatch(value):
        return None
    return "WhatsApp number: write the full number with + and country code, like +923001234567."


NUMBER: Final = SenderKind(
    "number",
    "WhatsApp number",
    check_number,
    "The number people see, registered with WhatsApp. Its phone number id belongs to the settings of the connection.",
)

_NO_PROMOTION: Final = (
    "A template of the category Marketing goes out as a promotion, to nobody who stopped those. "
    "Send it in a campaign of that purpose, or take a template of another category."
)


class WhatsAppChannel(Channel):
    """Messages on WhatsApp: approved templates, and texts that answer within a day. Each is one message."""

    name = "whatsapp"
    title = "WhatsApp"
    icon = "fa-comment-dots"
    scheme = "whatsapp"
    unit = "message"
    content_form: ClassVar[Form] = FORM
    sender_kinds: ClassVar[tuple[SenderKind, ...]] = (NUMBER,)
    opt_out_words: ClassVar[frozenset[str]] = STOP_WORDS
    opt_out_reply: ClassVar[Mapping[str, Any]] = {"kind": TEXT, "body": "You will receive no more messages from us."}
    is_shared: ClassVar[bool] = True
    look_width: ClassVar[int] = 390
    sample_content: ClassVar[Mapping[str, Any]] = {
        "body": 'Hello {{ name | default("friend") }}, our new collection has arrived in the shop near you.',
        "footer": "Reply STOP to end these messages",
        "buttons": "stop: Stop these messages\nlink: Open shop | https://example.com/",
        "examples": "name = Amina",
    }

    def normalise(self, value: str, region: str) -> str:
        """Return a number in E.164 or a business-scoped user id as it is; raise Refused saying what is wrong."""
        return normalise_address(self.scheme, value, region)

    def check_content(self, content: Mapping[str, Any], fields: frozenset[str]) -> None:
        """Raise Refused with every fault: grammar, unknown fields, and what WhatsApp would refuse."""
        written = read(content)
        faults = checks.faults(written) + examples(str(content.get("examples") or ""))[1]
        for text in (written.header_text, written.body, *(button.target for button in written.buttons)):
            try:
                check_names(text, fields)
            except Refused as refusal:
                faults += [problem for problem in refusal.problems if problem not in faults]
        if faults:
            raise Refused(*faults)

    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        """Return the renderer of this content; it raises Refused where a value is one that WhatsApp refuses."""
        return renderer(read(content))

    def preview(self, content: Mapping[str, Any]) -> Preview:
        """Return characters, what is left of them, the category that decides the price, and the bubble of the chat."""
        try:
            written = read(content)
        except Refused as refusal:
            return Preview((), tuple(refusal.problems))
        most = checks.LONGEST_BODY if written.is_template else checks.LONGEST_TEXT
        length = len(checks.longest_of(written.body))
        figures = (("Characters", str(length)), ("Left", str(most - length)), ("Billed as", self._billed_as(written)))
        return Preview(figures, _warnings(written), bubble.document(written))

    def preview_for(self, content: Mapping[str, Any], purpose: Purpose, values: Mapping[str, str]) -> Preview:
        """Return the characters one person gets and the bubble with their values, where examples stand otherwise."""
        try:
            written = replace(read(content), examples=values)
        except Refused as refusal:
            return Preview((), tuple(refusal.problems))
        length = len(written.body.renderer()(values))
        figures = (("Characters", str(length)), ("Billed as", self._billed_as(written)))
        return Preview(figures, (), bubble.document(written))

    def names(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return the placeholders of header, text and links."""
        return read(content).names

    def required_values(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return the placeholders without a default."""
        return read(content).required

    def needs(self, content: Mapping[str, Any], purpose: Purpose) -> Needs:
        """Return that templates are approved and agreed to, and that texts answer somebody who wrote lately."""
        if content.get("kind") == TEXT:
            return Needs(recent_inbound=WINDOW)
        return Needs(approved_template=True, opt_in=True)

    def objections(self, facts: CampaignFacts) -> list[str]:
        """Return the rules a campaign breaks: a promotion is marketing, nothing else is, and it says how to stop it."""
        written = read(facts.content)
        is_marketing = written.is_template and written.category == MARKETING
        if facts.purpose is not Purpose.PROMOTIONAL:
            return [_NO_PROMOTION] if is_marketing else []
        found = []
        if written.is_template and not is_marketing:
            found.append("A promotion must be of the category Marketing; WhatsApp blocks who calls it otherwise.")
        if not _offers_way_out(written, facts.opt_out_hint):
            found.append("A promotional message must say how to opt out. Add a button, like: stop: Stop these messages")
        return found

    def category(self, content: Mapping[str, Any], purpose: Purpose) -> str:
        """Return what WhatsApp bills: marketing, utility, authentication, or service for an answer."""
        return self._billed_as(read(content))

    def share(self, work: Work, sender: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the content, which all messages of a template have in common, and the file of its header."""
        shared: dict[str, Any] = {"content": content}
        if (file_id := read(content).file_id) is not None:
            shared["file"] = _fitting(files.read(work, file_id), str(content["header"]))
        return shared

    def opt_out_content(self, reply: str) -> Mapping[str, Any] | None:
        """Return the text that confirms an opt-out: an answer, so it needs no template."""
        return {**self.opt_out_reply, "body": reply} if reply else self.opt_out_reply

    def answer_content(self, text: str, reference: str = "", about: str = "") -> Mapping[str, Any] | None:
        """Return the content of an answer written by hand: a text, for which somebody must have written to us."""
        return {field.name: field.default for field in FORM} | {"kind": TEXT, "body": text}

    def reads_as_opt_out(self, text: str, words: frozenset[str]) -> bool:
        """Return whether somebody pressed a stop button, or wrote one of `words`."""
        return text == STOP_PAYLOAD or reads_as_opt_out(text, words)

    @staticmethod
    def _billed_as(written: Written) -> str:
        return written.category if written.is_template else "service"


def _fitting(file: files.StoredFile, header: str) -> files.StoredFile:
    """Return a file that a header can show; raise Refused for one that WhatsApp would not take."""
    if file.media_type not in ACCEPTED[header]:
        raise Refused(f"Header: {file.name} is no {MEDIA[header].lower()} that WhatsApp shows. Choose another file.")
    if file.size > LARGEST[header]:
        raise Refused(f"Header: {file.name} is larger than the {LARGEST[header] >> 20} MB that WhatsApp takes.")
    return file


def _offers_way_out(written: Written, hint: str) -> bool:
    if any(button.kind == STOP for button in written.buttons):
        return True
    return offers_way_out(f"{checks.longest_of(written.body)}\n{written.footer}", hint)


def _warnings(written: Written) -> tuple[str, ...]:
    if not written.is_template:
        return ("Goes only to people who wrote to us within the last 24 hours.",)
    if missing := sorted(written.names - set(written.examples)):
        return (f"Reviewers see no example of {', '.join(missing)}: add one below, else WhatsApp may refuse it.",)
    return ()
