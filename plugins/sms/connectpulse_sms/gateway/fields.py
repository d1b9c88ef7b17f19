"""Looking into a callback by field name or path, whether it is a query, a form, JSON or XML."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from connectpulse.core.api import Callback

from .documents import as_text, json_node, json_path, parse_json, parse_xml, xml_text

Look = Callable[[str], str | None]
"""Finds the text of a field or path in one item of a callback, None if it is not there."""

MOST_FIELDS: Final = 200
"""Fields of a form that are read at most."""


def items(callback: Callback, kind: str, path: str) -> list[Look]:
    """Return one look-up for each item a callback reports; raise ValueError if it cannot be read.

    `kind` is `form`, `json` or `xml`; `path` leads to the list of items, empty where there is one item.
    What the body does not hold is looked for in the query.
    """
    if kind == "form":
        return [partial(_one_value, [*callback.query, *_form(callback)])]
    query = partial(_one_value, list(callback.query))
    if not callback.body.strip():
        return [query]
    looks = _json_items(callback.body, path) if kind == "json" else _xml_items(callback.body, path)
    return [partial(_first_of, (look, query)) for look in looks]


def recoded(callback: Callback, name: str, charset: str) -> str | None:
    """Return the query or form field `name` read as `charset`, for gateways that do not write UTF-8.

    Raises ValueError if the value is not in that character set, or nobody knows it.
    """
    pairs = _octets(urlsplit(callback.url).query) + _octets(callback.body.decode("latin-1"))
    octets = next((value for key, value in pairs if key == name), None)
    try:
        return None if octets is None else octets.encode("latin-1").decode(charset)
    except (LookupError, ValueError):
        raise ValueError(f"The callback's field {name!r} is not in the character set {charset[:20]!r}.") from None


def _octets(text: str) -> list[tuple[str, str]]:
    """Read a query so that every character of a value stands for one octet."""
    return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, encoding="latin-1")


def _form(callback: Callback) -> list[tuple[str, str]]:
    try:
        return parse_qsl(callback.body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise ValueError("The callback's form cannot be read.") from None


def _json_items(body: bytes, path: str) -> Iterable[Look]:
    try:
        document = parse_json(body)
    except ValueError:
        raise ValueError("The callback is not JSON.") from None
    nodes = json_node(document, json_path(path)) if path else [document]
    if not isinstance(nodes, list):
        raise ValueError(f"The callback has no list at {path!r}.")
    return [partial(_json_text, node) for node in nodes]


def _json_text(node: Any, path: str) -> str | None:
    return as_text(json_node(node, json_path(path)))


def _xml_items(body: bytes, path: str) -> Iterable[Look]:
    try:
        document = parse_xml(body.strip())
    except ValueError as error:
        raise ValueError(f"The callback is {error}.") from None
    return [partial(xml_text, node) for node in (document.findall(path) if path else [document])]


def _one_value(pairs: list[tuple[str, str]], name: str) -> str | None:
    """Return the value of `name`; refuse one that was given twice and differently."""
    values = {value for key, value in pairs if key == name}
    if len(values) > 1:
        raise ValueError(f"The callback gives the field {name!r} more than once.")
    return values.pop() if values else None


def _first_of(looks: tuple[Look, ...], name: str) -> str | None:
    return next((found for look in looks if (found := look(name)) is not None), None)
