"""The questions a template of calls answers."""

from dataclasses import replace
from typing import Final

from connectpulse.core.api import Field, Form, Kind

from .menu import KEYS

SPEECH, RECORDING = "speech", "recording"
HANG_UP, LEAVE_MESSAGE = "hang_up", "leave_message"
LONGEST_TEXT: Final = 1500
LARGEST_RECORDING: Final = 10 * 1024 * 1024
RECORDINGS: Final = ("recording", "more_recording")
"""Fields that name a file of sound."""
LANGUAGES: Final = (
    ("en", "English"),
    ("ur", "Urdu"),
    ("ar", "Arabic"),
    ("bn", "Bengali"),
    ("de", "German"),
    ("es", "Spanish"),
    ("fa", "Persian"),
    ("fr", "French"),
    ("hi", "Hindi"),
    ("pa", "Punjabi"),
    ("sd", "Sindhi"),
    ("tr", "Turkish"),
)
_NO_KEY: Final = (("", "No key"), *((key, key) for key in KEYS))
_MENU, _MACHINE, _AGAIN = "Menu of keys", "Answering machines", "When nobody answers"
_MORE: Final = ("more_key", tuple(KEYS))


def _number(name: str, label: str, default: int, low: int, high: int, group: str = "", help: str = "") -> Field:
    return Field(name, label, Kind.NUMBER, help, default=default, low=low, high=high, group=group)


def _recording(name: str, label: str, only: tuple[str, tuple[str, ...]], group: str = "") -> Field:
    help = "WAV, MP3, OGG or FLAC."
    return Field(name, label, Kind.FILE, help, accept=("audio/*",), high=LARGEST_RECORDING, group=group, only=only)


def _key(name: str, label: str, help: str = "") -> Field:
    return Field(name, label, Kind.CHOICE, help, default="", choices=_NO_KEY, group=_MENU)


CONTENT: Final[Form] = (
    Field(
        "prompt",
        "What is heard",
        Kind.CHOICE,
        default=SPEECH,
        choices=((SPEECH, "A text that is read aloud"), (RECORDING, "A recording")),
    ),
    Field(
        "text",
        "Text",
        Kind.LONG_TEXT,
        'What is read aloud. {{ name }} or {{ name | default("friend") }} stands for a contact\'s field.',
        is_required=True,
        high=LONGEST_TEXT,
        only=("prompt", (SPEECH,)),
    ),
    replace(_recording("recording", "Recording", ("prompt", (RECORDING,))), is_required=True),
    Field("language", "Language", Kind.CHOICE, "Of the voice that reads.", default="en", choices=LANGUAGES),
    _number("pace", "Words a minute", 150, 80, 260),
    _number("most_seconds", "Longest call (seconds)", 120, 10, 600, "", "Then it is ended whatever is being said."),
    _key("repeat_key", "Key to hear it again"),
    _key("opt_out_key", "Key to stop such calls", "Whoever presses it is not called again."),
    _key("more_key", "Key to hear more"),
    Field(
        "more_text",
        "Text of more",
        Kind.LONG_TEXT,
        "Read aloud on that key.",
        high=LONGEST_TEXT,
        group=_MENU,
        only=_MORE,
    ),
    _recording("more_recording", "Recording of more", _MORE, _MENU),
    Field(
        "answers",
        "Answers",
        Kind.LONG_TEXT,
        "One in each line, the key first: 1 Yes, I will come. It is kept as the person's reply.",
        high=800,
        group=_MENU,
    ),
    _number("wait_seconds", "Wait for a key (seconds)", 5, 1, 30, _MENU, "After the last word, where there are keys."),
    Field(
        "machine",
        "If a machine answers",
        Kind.CHOICE,
        default=LEAVE_MESSAGE,
        choices=((LEAVE_MESSAGE, "Leave the message"), (HANG_UP, "Hang up")),
        group=_MACHINE,
    ),
    Field(
        "machine_retries",
        "Call again after a machine",
        Kind.NUMBER,
        "Once, an hour later.",
        default=0,
        low=0,
        high=1,
        group=_MACHINE,
        only=("machine", (HANG_UP,)),
    ),
    _number("ring_seconds", "Let it ring (seconds)", 30, 5, 90, _AGAIN),
    _number("busy_retries", "Call again when busy", 3, 0, 3, _AGAIN),
    _number("busy_minutes", "Minutes between two calls to a busy line", 10, 1, 240, _AGAIN),
    _number("no_answer_retries", "Call again when nobody answers", 2, 0, 3, _AGAIN),
    _number("no_answer_minutes", "Minutes until somebody may be back", 60, 5, 1440, _AGAIN),
)
