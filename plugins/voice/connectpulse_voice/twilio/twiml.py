"""What Twilio is told to say (TwiML, https://www.twilio.com/docs/voice/twiml)."""

from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from connectpulse.core.api import Callback, Submission, parse_template, signed_forms

from .. import menu
from ..menu import Deed
from ..outcomes import MACHINE, content_of, is_left_a_message
from ..prompts import links
from ..prompts.making import FIELDS, is_recorded
from . import codes, script

MEDIA: Final = "text/xml"
VOICES: Final[Mapping[str, dict[str, str]]] = {
    "ar": {"language": "arb", "voice": "Polly.Zeina"},
    "de": {"language": "de-DE"},
    "en": {"language": "en-GB"},
    "es": {"language": "es-ES"},
    "fr": {"language": "fr-FR"},
    "hi": {"language": "hi-IN", "voice": "Polly.Aditi"},
    "tr": {"language": "tr-TR", "voice": "Polly.Filiz"},
}
"""Twilio's voices by language of ours; the others are read aloud by this site."""

MOST_TURNS: Final = 9
"""How often a call may be led on by keys: somebody who holds one down does not call for ever."""


def answer(settings: Mapping[str, Any], callback: Callback) -> str:
    """Return what a call says next; nothing where Twilio only tells how it ended, or asks about no call of ours."""
    response = Element("Response")
    try:
        about, submission = script.read(settings["auth_token"], callback)
        fields = dict(signed_forms.form(callback.body))
    except ValueError:
        SubElement(response, "Hangup")
        return _written(response)
    if about == script.SAID:
        _say(response, Speaker(settings, callback, submission), fields)
    return _written(response)


class Speaker:
    """What is needed to say something in one call."""

    def __init__(self, settings: Mapping[str, Any], callback: Callback, submission: Submission) -> None:
        self.callback = callback
        self.submission = submission
        self.content = content_of(submission)
        self.menu, _ = menu.read(self.content)
        self._settings = settings

    def put(self, parent: Element, which: str) -> None:
        """Let `parent` play or say a prompt."""
        values = (self.submission.extra or {}).get("values") or {}
        if is_own(self._settings, self.content, which):
            SubElement(parent, "Play").text = links.address(self.callback.url, self.content, values, which)
            return
        text, _ = FIELDS[which]
        said = parse_template(str(self.content.get(text) or "")).renderer()(values)
        SubElement(parent, "Say", VOICES[_language(self.content)]).text = plain(said)


def is_own(settings: Mapping[str, Any], content: Mapping[str, Any], which: str) -> bool:
    """Return whether this site makes the sound of a prompt, instead of Twilio reading a text aloud."""
    return is_recorded(content, which) or bool(settings.get("own_voice")) or _language(content) not in VOICES


def _language(content: Mapping[str, Any]) -> str:
    return str(content.get("language") or "en")


def plain(text: str) -> str:
    """Return a text without signs that XML cannot carry."""
    return "".join(sign for sign in text if sign.isprintable() or sign in "\n\t ")


def _say(response: Element, speaker: Speaker, fields: Mapping[str, str]) -> None:
    which = _next(speaker, fields)
    if which and codes.answer(fields.get("AnsweredBy", "")) == MACHINE:
        if is_left_a_message(speaker.submission) and fields.get("AnsweredBy") != "fax":
            speaker.put(response, which)
    elif which:
        speaker.put(_gather(response, speaker), which)
    SubElement(response, "Hangup")


def _next(speaker: Speaker, fields: Mapping[str, str]) -> str:
    """Return the prompt that comes next, empty where the call is over."""
    if "Digits" not in fields:
        return "prompt"
    if script.turn(speaker.callback) > MOST_TURNS:
        return ""
    key = speaker.menu.get(fields["Digits"])
    if key is None or key.deed is Deed.REPEAT:
        return "prompt"
    return "more" if key.deed is Deed.MORE else ""


def _gather(response: Element, speaker: Speaker) -> Element:
    """Return where a prompt goes that may be cut short by a key, the response itself where no key does anything."""
    if not speaker.menu:
        return response
    return SubElement(
        response,
        "Gather",
        {
            "input": "dtmf",
            "numDigits": "1",
            "finishOnKey": "",  # else # ends the input instead of being a key
            "timeout": str(speaker.content.get("wait_seconds") or 5),
            "action": script.next_turn(speaker.callback),
            "method": "POST",
        },
    )


def _written(response: Element) -> str:
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(response, encoding="unicode")
