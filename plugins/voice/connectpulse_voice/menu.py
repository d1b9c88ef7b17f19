"""What the keys of a phone do during a call, as a template says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

KEYS: Final = "1234567890*#"
LONGEST_LABEL: Final = 60


class Deed(StrEnum):
    """What a key does. Its value is the name that wire and records know it by."""

    REPEAT = "repeat"
    MORE = "more"
    OPT_OUT = "opt_out"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a menu; `label` is the answer it stands for, empty for the other deeds."""

    deed: Deed
    label: str = ""


Menu = Mapping[str, Key]
"""Keys by the digit that is pressed."""

FIELDS: Final = {"repeat_key": Deed.REPEAT, "more_key": Deed.MORE, "opt_out_key": Deed.OPT_OUT}
"""Fields of a content that name the key of one deed."""


def read(content: Mapping[str, Any]) -> tuple[Menu, list[str]]:
    """Return the menu of a content, and one sentence per fault in it."""
    menu: dict[str, Key] = {}
    faults: list[str] = []
    pairs = [(str(content.get(name) or ""), Key(deed)) for name, deed in FIELDS.items() if content.get(name)]
    for line in str(content.get("answers") or "").splitlines():
        if not line.strip():
            continue
        digit, _, label = line.strip().partition(" ")
        fault = _fault(digit, label.strip())
        if fault:
            faults.append(fault)
        else:
            pairs.append((digit, Key(Deed.ANSWER, label.strip())))
    for digit, key in pairs:
        if digit in menu:
            faults.append(f"Keys: {digit} stands for two things. Please give each its own key.")
        menu[digit] = key
    return menu, faults


def _fault(digit: str, label: str) -> str:
    if len(digit) != 1 or digit not in KEYS or not label:
        return "Answers: write one in each line, the key first, like: 1 Yes, I will come."
    if len(label) > LONGEST_LABEL:
        return f"Answers: the answer of key {digit} is longer than {LONGEST_LABEL} letters."
    if any(sign in label for sign in "{}\x00"):
        return f"Answers: the answer of key {digit} may not contain placeholders; it is the same for everybody."
    return ""
