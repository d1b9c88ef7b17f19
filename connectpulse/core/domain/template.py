"""The substitution grammar of templates: `{{ name }}` and `{{ name | default("friend") }}`.

Nothing else is understood, on purpose: users' text never meets a template engine, so it can neither
loop, nor call, nor read what it was not given. Two opening braces always begin a placeholder; what
follows must be well formed, or the template is refused with the place of the fault.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Refused

Values = Mapping[str, str]

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_PLACEHOLDER = re.compile(
    r"\{\{\s*(?P<name>" + _NAME + r")\s*"
    r'(?:\|\s*default\(\s*(?:"(?P<double>[^"{}]*)"|\'(?P<single>[^\'{}]*)\')\s*\)\s*)?\}\}'
)
_OPENING = re.compile(r"\{\{")
_CURLY_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{{ name }}` of a template; `default` is None where none was written."""

    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed text: literal pieces and placeholders in their order."""

    pieces: tuple[str | Placeholder, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(p.name for p in self.pieces if isinstance(p, Placeholder))

    @property
    def required(self) -> frozenset[str]:
        """Names that a recipient must have a value for, because no default stands in."""
        defaulted = {p.name for p in self.pieces if isinstance(p, Placeholder) and p.default is not None}
        return self.names - defaulted

    def missing(self, values: Values) -> list[str]:
        """Return the required names for which `values` holds nothing."""
        return sorted(name for name in self.required if not values.get(name))

    def renderer(self) -> Callable[[Values], str]:
        """Return a function from one recipient's values to the text; built once, called per recipient."""
        slots = [(piece.name, piece.default or "") for piece in self.pieces if isinstance(piece, Placeholder)]
        text = "".join(piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in self.pieces)
        if not slots:
            plain = text % ()
            return lambda values: plain
        return lambda values: text % tuple([values.get(name) or default for name, default in slots])


def parse(text: str) -> Template:
    """Return the template of `text`; raise Refused naming line and column of a malformed placeholder."""
    pieces: list[str | Placeholder] = []
    end = 0
    for opening in _OPENING.finditer(text):
        if opening.start() < end:
            continue
        match = _match_placeholder(text, opening.start())
        if match is None:
            raise Refused(_fault(text, opening.start()))
        if opening.start() > end:
            pieces.append(text[end : opening.start()])
        default = match["double"] if match["double"] is not None else match["single"]
        pieces.append(Placeholder(match["name"], default))
        end = match.end()
    if end < len(text):
        pieces.append(text[end:])
    return Template(tuple(pieces))


def _match_placeholder(text: str, start: int) -> re.Match[str] | None:
    """Match at `start`, reading the curly quotes that word processors insert as straight ones."""
    match = _PLACEHOLDER.match(text, start)
    if match is None:
        closing = text.find("}}", start, start + 200)
        if closing != -1:
            straightened = text[start : closing + 2].translate(_CURLY_QUOTES)
            match = _PLACEHOLDER.match(" " * start + straightened, start)
    return match


def known_filled(text: str, values: Values) -> str:
    """Return a text with the values there are; names without a value and without a default stay as they are written.

    What is no template stays as it is.
    """
    if "{{" not in text:
        return text
    try:
        parsed = parse(text)
    except Refused:
        return text
    gaps = {name: f"{{{{ {name} }}}}" for name in parsed.missing(values)}
    return parsed.renderer()({**values, **gaps})


def content_filled(content: Any, values: Values) -> Any:
    """Return a content with `known_filled` texts, however deep they lie in it."""
    if isinstance(content, str):
        return known_filled(content, values)
    if isinstance(content, Mapping):
        return {name: content_filled(each, values) for name, each in content.items()}
    if isinstance(content, list | tuple):
        return [content_filled(each, values) for each in content]
    return content


def check_names(template: Template, known: Iterable[str]) -> None:
    """Raise Refused if the template asks for a field that no contact can have."""
    known = set(known)
    unknown = sorted(template.names - known)
    if unknown:
        raise Refused(
            *(f"{{{{ {name} }}}} is not a field of your contacts." for name in unknown),
            f"Known fields: {', '.join(sorted(known))}.",
        )


def _fault(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return (
        f"Line {line}, column {column}: {text[at : at + 24]!r} is not a placeholder. "
        'Write {{ name }} or {{ name | default("friend") }}.'
    )
