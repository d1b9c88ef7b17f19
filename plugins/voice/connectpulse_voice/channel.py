"""The voice channel: what a call says, how long it takes, and who calls."""

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from connectpulse.core.api import (
    CampaignFacts,
    Channel,
    Form,
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
    parse_template,
)

from . import menu
from .form import CONTENT, RECORDING, RECORDINGS
from .menu import Deed
from .prompts import player

if TYPE_CHECKING:
    from connectpulse.core.api import Work

_CALLER = re.compile(r"\+?[0-9]{3,15}")
_LETTERS_A_WORD = 6.0
"""Letters of a spoken word with the space behind it, for an estimate of a text's length."""


def check_caller(value: str) -> str | None:
    """Return what is wrong with a caller id."""
    return None if _CALLER.fullmatch(value) else "Caller id: write a phone number, like +922135300000, without spaces."


class VoiceChannel(Channel):
    """Calls, counted in seconds from answer to hang-up."""

    name = "voice"
    title = "Voice"
    icon = "fa-phone"
    scheme = "phone"
    unit = "second"
    content_form: ClassVar[Form] = CONTENT
    sender_kinds: ClassVar[tuple[SenderKind, ...]] = (
        SenderKind("caller_id", "Caller id", check_caller, "A number you may show when you call."),
    )
    is_shared = True
    silence = timedelta(hours=2)
    sample_content: ClassVar[Mapping[str, Any]] = {
        "text": "Good day. This is a call about your appointment.",
        "more_key": "2",
        "more_text": "We are in the main street.",
        "opt_out_key": "9",
        "answers": "1 I will come",
    }

    def normalise(self, value: str, region: str) -> str:
        """Return the number in E.164, like +923001234567; raise Refused saying what is wrong with it."""
        return normalise_address(self.scheme, value, region)

    def check_content(self, content: Mapping[str, Any], fields: frozenset[str]) -> None:
        """Raise Refused with every fault: what is missing, grammar, unknown fields, keys, length."""
        faults = menu.read(content)[1] + _missing(content)
        for name in spoken(content):
            try:
                check_names(parse_template(_text(content, name)), fields)
            except Refused as refusal:
                faults += refusal.problems
        if not faults and (seconds := estimate(content, {})) > _most(content):
            faults.append(_too_long(seconds, content))
        if faults:
            raise Refused(*faults)

    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        """Return the renderer: the text as body, the values it needs as extra, the estimated seconds."""
        templates = {name: parse_template(_text(content, name)) for name in spoken(content)}
        fill = templates.get("text", Template(("",))).renderer()
        wanted = frozenset[str]().union(*(template.names for template in templates.values()))

        def render(values: Mapping[str, str]) -> Rendered:
            seconds = estimate(content, values)
            if seconds > _most(content):
                raise Refused(_too_long(seconds, content))
            own = {name: values[name] for name in sorted(wanted) if values.get(name)}
            return Rendered(fill(values), Measure(1, seconds), {"values": own} if own else None)

        if wanted:
            return render
        same = render({})
        return lambda values: same

    def preview(self, content: Mapping[str, Any]) -> Preview:
        """Return about how long the call takes; warn of what people will not like."""
        warnings: list[str] = []
        keys, faults = menu.read(content)
        warnings += faults
        try:
            seconds = estimate(content, {})
        except Refused as refusal:
            return Preview((), (*warnings, *refusal.problems))
        if not any(key.deed is Deed.OPT_OUT for key in keys.values()):
            warnings.append("Nobody can stop these calls with a key; promotional calls need one.")
        if seconds > _most(content):
            warnings.append(_too_long(seconds, content))
        shown = player.show(content)
        about = ("Reserved", f"{seconds} seconds"), ("Keys", " ".join(sorted(keys)) or "none")
        return Preview((*shown.figures, *about), (*warnings, *shown.faults), shown.document)

    def names(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return all placeholders of what is read aloud."""
        return frozenset[str]().union(*(parse_template(_text(content, name)).names for name in spoken(content)))

    def required_values(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return the placeholders without a default."""
        return frozenset[str]().union(*(parse_template(_text(content, name)).required for name in spoken(content)))

    def objections(self, facts: CampaignFacts) -> list[str]:
        """Return the rules a campaign breaks: a promotion must offer a key that stops it."""
        keys, _ = menu.read(facts.content)
        if facts.purpose is not Purpose.PROMOTIONAL or any(key.deed is Deed.OPT_OUT for key in keys.values()):
            return []
        return ["A promotional call must let people stop it: choose a key to stop such calls, and say so in the text."]

    def share(self, work: "Work", sender: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the content and its recordings, as bytes by the field that names each."""
        from connectpulse.core.api import files  # it maps the tables, which takes seconds

        named = [name for name in RECORDINGS if content.get(name)]
        return {"content": content, "recordings": {name: files.read(work, content[name]).content for name in named}}


def spoken(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of a content that are read aloud."""
    main = () if content.get("prompt") == RECORDING else ("text",)
    return (*main, "more_text") if content.get("more_key") and not content.get("more_recording") else main


def estimate(content: Mapping[str, Any], values: Mapping[str, str]) -> int:
    """Return about how many seconds a call takes: as long as it may for a recording, else by its words.

    Raises Refused where the text is no template.
    """
    if content.get("prompt") == RECORDING:
        return _most(content)
    text = parse_template(_text(content, "text")).renderer()(values)
    words_a_second = int(content.get("pace") or 150) / 60
    seconds = len(text) / _LETTERS_A_WORD / words_a_second
    waiting = int(content.get("wait_seconds") or 0) if menu.read(content)[0] else 0
    return max(1, math.ceil(seconds) + waiting)


def _missing(content: Mapping[str, Any]) -> list[str]:
    faults = []
    if content.get("prompt") == RECORDING and not content.get("recording"):
        faults.append("Recording: please choose one, or a text that is read aloud.")
    if content.get("prompt") != RECORDING and not _text(content, "text").strip():
        faults.append("Text: please write what is read aloud.")
    if content.get("more_key") and not content.get("more_recording") and not _text(content, "more_text").strip():
        faults.append("Text of more: please write or record what is heard on that key, or choose no key for it.")
    if any("\x00" in _text(content, name) for name in spoken(content)):
        faults.append("Text: it contains a NUL character, which cannot be spoken. Please retype it.")
    return faults


def _text(content: Mapping[str, Any], name: str) -> str:
    return str(content.get(name) or "").replace("\r\n", "\n")


def _most(content: Mapping[str, Any]) -> int:
    return int(content.get("most_seconds") or 120)


def _too_long(seconds: int, content: Mapping[str, Any]) -> str:
    return f"Text: it takes about {seconds} seconds; the longest call is {_most(content)}. Shorten it, or allow more."
