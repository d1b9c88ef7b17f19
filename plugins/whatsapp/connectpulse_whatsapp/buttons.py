"""Buttons as lines of text: `kind: label`, `kind: label | target`.

Limits are Meta's for templates: ten buttons, two links, one call, one code to copy; quick replies stand
together. Labels hold 25 characters, targets 2,000.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from connectpulse.core.api import Refused, Template, parse_template

REPLY, STOP, LINK, CALL, CODE = "reply", "stop", "link", "call", "code"
QUICK: Final = frozenset({REPLY, STOP})
"""Buttons that send an answer to us."""

STOP_PAYLOAD: Final = "STOP"
"""What comes back when a stop button is pressed, whatever its label says."""

MOST: Final = 10
LONGEST_LABEL: Final = 25
_MOST_OF: Final = {LINK: 2, CALL: 1, CODE: 1}
_LONGEST_URL: Final = 2000
_LONGEST_CODE: Final = 15
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_NOTHING: Final = Template(())
_TITLES: Final = {LINK: "links", CALL: "calls", CODE: "codes to copy"}


@dataclass(frozen=True, slots=True)
class Button:
    """One button. `target` is a URL, at whose end a placeholder may stand, a number or a code; else empty."""

    kind: str
    label: str
    target: Template = _NOTHING

    @property
    def field(self) -> str:
        """The field a link ends in, empty if its address is the same for everybody."""
        return next(iter(self.target.names), "")

    @property
    def base(self) -> str:
        """The target without its placeholder."""
        return "".join(piece for piece in self.target.pieces if isinstance(piece, str))


def parse(text: str) -> tuple[Button, ...]:
    """Return the buttons of `text`; raise Refused naming each line that is none."""
    buttons: list[Button] = []
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            buttons.append(_button(line))
        except Refused as refused:
            faults += [f"Buttons, line {number}: {problem}" for problem in refused.problems]
    if faults:
        raise Refused(*faults)
    return tuple(buttons)


def _button(line: str) -> Button:
    kind, colon, rest = line.partition(":")
    kind = kind.strip().lower()
    if not colon or kind not in (REPLY, STOP, LINK, CALL, CODE):
        raise Refused("begin it with reply:, stop:, link:, call: or code:.")
    label, bar, target = (part.strip() for part in rest.partition("|"))
    if kind == CODE:
        return Button(kind, "Copy code", Template((label,)))
    if not label:
        raise Refused("write what stands on it, like reply: Yes please.")
    if kind in QUICK:
        if bar:
            raise Refused("a quick reply has no target; leave out what follows the bar.")
        return Button(kind, label)
    if not target:
        raise Refused("write its target after a bar, like link: Open shop | https://example.com.")
    return Button(kind, label, parse_template(target))


def faults(buttons: Sequence[Button]) -> list[str]:
    """Return one sentence per rule that the buttons of a template break."""
    found = [fault for button in buttons for fault in _faults(button)]
    if len(buttons) > MOST:
        found.append(f"Buttons: {len(buttons)} are too many; WhatsApp shows at most {MOST}.")
    kinds = Counter(button.kind for button in buttons)
    found += [
        f"Buttons: {kinds[kind]} {_TITLES[kind]} are too many; at most {most} may be there."
        for kind, most in _MOST_OF.items()
        if kinds[kind] > most
    ]
    labels = Counter(button.label for button in buttons)
    twice = [label for label in labels if labels[label] > 1]
    found += [f"Buttons: two are called {label!r}; give each a label of its own." for label in twice]
    if not _stand_together([button.kind in QUICK for button in buttons]):
        found.append("Buttons: put the quick replies (reply, stop) next to each other, before or after the others.")
    return found


def _faults(button: Button) -> list[str]:
    found = []
    if len(button.label) > LONGEST_LABEL:
        found.append(f"Buttons: {button.label!r} has {len(button.label)} characters; at most {LONGEST_LABEL} fit.")
    if "{{" in button.label:
        found.append(f"Buttons: {button.label!r} may hold no placeholder; only the end of a link may.")
    if button.kind == LINK:
        found += _link_faults(button)
    elif button.target.names:
        found.append(f"Buttons: the target of {button.label!r} may hold no placeholder.")
    elif button.kind == CALL and not _NUMBER.fullmatch(button.base):
        found.append(f"Buttons: {button.label!r} needs a number with + and country code, like +923001234567.")
    elif button.kind == CODE and not 0 < len(button.base) <= _LONGEST_CODE:
        found.append(f"Buttons: a code to copy has between 1 and {_LONGEST_CODE} characters.")
    return found


def _link_faults(button: Button) -> list[str]:
    pieces = button.target.pieces
    is_plain = len(pieces) == 1 and isinstance(pieces[0], str)
    ends_in_field = len(pieces) == 2 and isinstance(pieces[0], str) and not isinstance(pieces[1], str)
    if not (is_plain or ends_in_field):
        return [f"Buttons: the link of {button.label!r} may hold one placeholder, and only at its end."]
    if not re.match(r"https?://[^\s/]+\.[^\s/]+", button.base) or re.search(r"\s", button.base):
        return [f"Buttons: the link of {button.label!r} must be like https://example.com/."]
    if len(button.base) > _LONGEST_URL:
        return [f"Buttons: the link of {button.label!r} is longer than {_LONGEST_URL} characters."]
    return []


def _stand_together(marks: Sequence[bool]) -> bool:
    """Return whether the marked ones are all at the beginning or all at the end."""
    return sum(before != after for before, after in pairwise(marks)) <= 1
