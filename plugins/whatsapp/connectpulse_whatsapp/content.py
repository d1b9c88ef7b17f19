"""A content as it is meant: its texts parsed, its buttons read, its placeholders in the order WhatsApp counts them."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from connectpulse.core.api import Refused, Template, parse_template

from .buttons import Button, parse
from .form import AUTHENTICATION, MARKETING, MEDIA, NAMED, POSITIONAL, TEMPLATE

_JUDGED: Final = (
    "category", "language", "header", "header_text", "header_file", "body", "footer", "buttons", "variables", "expiry",
)  # fmt: skip
"""What WhatsApp approves: two contents that are alike in it are one template."""

_EXAMPLE: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*[=:]\s*(.*?)\s*")


class Slot(NamedTuple):
    """One value WhatsApp is given: its name there (`1`, `first_name`), our field, and what stands in for nothing."""

    name: str
    field: str
    default: str


@dataclass(frozen=True, slots=True)
class Written:
    """A content, read. `header` is none, text, image, video or document; `file_id` is the file of the last three."""

    kind: str
    category: str
    language: str
    name: str
    header: str
    header_text: Template
    file_id: int | None
    body: Template
    footer: str
    buttons: tuple[Button, ...]
    variables: str
    examples: Mapping[str, str]
    expiry: int | None

    @property
    def is_template(self) -> bool:
        """Whether it must be approved; else it is an answer within the 24 hours after somebody wrote."""
        return self.kind == TEMPLATE

    @property
    def is_code(self) -> bool:
        """Whether WhatsApp writes the sentence around a code."""
        return self.is_template and self.category == AUTHENTICATION

    @property
    def names(self) -> frozenset[str]:
        """All fields it substitutes."""
        return self.header_text.names | self.body.names | frozenset(each.field for each in self.buttons if each.field)

    @property
    def required(self) -> frozenset[str]:
        """The fields a recipient must have a value for."""
        targets = (each.target.required for each in self.buttons)
        return self.header_text.required.union(self.body.required, *targets)

    def slots(self, text: Template) -> tuple[Slot, ...]:
        """Return what WhatsApp is given for the placeholders of `text`, in its order.

        Numbered ones count each placeholder, so that numbers follow each other; named ones each name once.
        """
        found = [(each.name, each.default or "") for each in text.pieces if not isinstance(each, str)]
        if self.variables == POSITIONAL:
            return tuple(Slot(str(number), *each) for number, each in enumerate(found, start=1))
        named: dict[str, str] = {}
        for field, default in found:
            named.setdefault(field, default)
        return tuple(Slot(field.lower(), field, default) for field, default in named.items())

    def wording(self, text: Template) -> str:
        """Return `text` as WhatsApp writes it: {{1}} or {{first_name}} where a placeholder stands."""
        pieces, number = [], 0
        for piece in text.pieces:
            if isinstance(piece, str):
                pieces.append(piece)
                continue
            number += 1
            pieces.append(f"{{{{{piece.name.lower() if self.variables == NAMED else number}}}}}")
        return "".join(pieces)


def read(content: Mapping[str, Any]) -> Written:
    """Return a content as it is meant; raise Refused with each malformed placeholder and button."""
    faults: list[str] = []

    def template(label: str, text: str) -> Template:
        try:
            return parse_template(text)
        except Refused as refused:
            faults.extend(f"{label}: {problem}" for problem in refused.problems)
            return Template(())

    header = _word(content, "header", "none")
    header_text = template("Text of the header", _word(content, "header_text") if header == "text" else "")
    body = template("Text", str(content.get("body") or "").replace("\r\n", "\n").strip())
    buttons: tuple[Button, ...] = ()
    try:
        buttons = parse(str(content.get("buttons") or ""))
    except Refused as refused:
        faults += refused.problems
    if faults:
        raise Refused(*faults)
    return Written(
        kind=_word(content, "kind", TEMPLATE),
        category=_word(content, "category", MARKETING),
        language=_word(content, "language", "en"),
        name=_word(content, "template_name") or name_of(content),
        header=header,
        header_text=header_text,
        file_id=content.get("header_file") if header in MEDIA else None,
        body=body,
        footer=_word(content, "footer"),
        buttons=buttons,
        variables=_word(content, "variables", POSITIONAL),
        examples=examples(str(content.get("examples") or ""))[0],
        expiry=content.get("expiry"),
    )


def name_of(content: Mapping[str, Any]) -> str:
    """Return the name at WhatsApp of a content without one: the same for the same content, and for no other.

    So a content may be submitted twice and is one template, and a change of it is a new one to be approved.
    """
    judged = {name: content[name] for name in _JUDGED if content.get(name)}
    digest = hashlib.sha256(json.dumps(judged, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return f"pulse_{digest[:24]}"


def examples(text: str) -> tuple[dict[str, str], list[str]]:
    """Return examples by field, and one sentence per line that is none."""
    found: dict[str, str] = {}
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _EXAMPLE.fullmatch(line)
        if match and match[2] and "{{" not in line:
            found[match[1]] = match[2]
        elif line.strip():
            faults.append(f"Examples, line {number}: write a field and its example, like name = Amina.")
    return found, faults


def _word(content: Mapping[str, Any], name: str, default: str = "") -> str:
    return str(content.get(name) or default).strip()
