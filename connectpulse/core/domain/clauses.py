"""The sentences of a policy, each with a number of its own, so that a control can be held against each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_lowercase

_HEADING = re.compile(r"^(\d{1,2})\.\s+(.+)$")
_SENTENCE = re.compile(r"(?<=[a-z\")])[.]\s+(?=[A-Z])")
_ABBREVIATED = re.compile(r"\(Pvt\.\)|\b(?:e\.g|i\.e|No)\.")


@dataclass(frozen=True, slots=True)
class Clause:
    """One sentence, or one item of a list: its number like `4b`, its section's heading, its words."""

    number: str
    heading: str
    text: str


def clauses(text: str) -> list[Clause]:
    """Return the sentences of a policy in order.

    Sections are numbered lines like `4. Data Retention`. A section's items have letters, and so have the sentences of
    a section with more than one; what leads to a list, or stands alone, has the section's bare number.
    """
    return [clause for number, heading, lines in _sections(text) for clause in _of_section(number, heading, lines)]


def _sections(text: str) -> Iterator[tuple[str, str, list[str]]]:
    found: tuple[str, str, list[str]] | None = None
    for line in (each.strip() for each in text.splitlines()):
        match = _HEADING.match(line)
        if match:
            if found:
                yield found
            found = (match[1], match[2], [])
        elif line and found:
            found[2].append(line)
    if found:
        yield found


def _of_section(number: str, heading: str, lines: list[str]) -> Iterator[Clause]:
    items = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    said = [sentence for line in lines if not line.startswith("- ") for sentence in _sentences(line)]
    if items:
        yield Clause(number, heading, " ".join(said))
        lettered = items
    elif len(said) == 1:
        yield Clause(number, heading, said[0])
        return
    else:
        lettered = said
    for letter, words in zip(ascii_lowercase, lettered, strict=False):
        yield Clause(f"{number}{letter}", heading, words)


def _sentences(line: str) -> list[str]:
    hidden = _ABBREVIATED.sub(lambda match: match[0].replace(".", "\0"), line)
    parts = _SENTENCE.split(hidden)
    whole = [part if part.endswith((".", ":")) else f"{part}." for part in parts]
    return [each.replace("\0", ".") for each in whole]
