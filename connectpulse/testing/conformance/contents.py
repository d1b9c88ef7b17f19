"""Contents to try a channel with: its own sample, or its form filled with the least it asks for."""

from collections.abc import Mapping
from typing import Any

from connectpulse.core.domain import form
from connectpulse.core.domain.contracts import Channel
from connectpulse.core.domain.fields import BUILT_IN
from connectpulse.core.domain.form import Field, Kind

FIELDS = frozenset(BUILT_IN) | {"city"}
"""The fields the kit's contacts have."""

VALUES: tuple[Mapping[str, str], ...] = (
    {"name": "Amina Khan", "first_name": "Amina", "city": "Lahore"},
    {"name": "آمنہ خان 🌙", "first_name": "آمنہ", "city": "لاہور"},
    {"name": "%s {{ city }} <b>&\"'\\\n", "first_name": "%s", "city": "{{ name }}"},
    {"name": "", "first_name": "", "city": ""},
)
"""Recipients as they come: plain, in Urdu with an emoji, with every sign that means something somewhere, empty."""

_PLAIN: Mapping[Kind, Any] = {
    Kind.NUMBER: 1,
    Kind.SWITCH: True,
    Kind.HOST: "example.com",
    Kind.JSON: "{}",
    Kind.DATE: "2030-01-31",
    Kind.MOMENT: "2030-01-31 09:00",
    Kind.TIME: "09:00",
    Kind.PICK: 1,
    Kind.PICKS: [1],
    Kind.FILE: 1,
    Kind.FILES: [1],
}
_TEXTS = (Kind.TEXT, Kind.LONG_TEXT)


def sample(channel: Channel) -> dict[str, Any]:
    """Return a content that the channel should take."""
    raw = channel.sample_content
    if raw is None:
        raw = {field.name: _fill(field) for field in channel.content_form if field.is_required}
    return form.read(channel.content_form, raw)


def with_text(channel: Channel, more: str) -> list[dict[str, Any]]:
    """Return the sample once per text field of it, with `more` written at that text's end."""
    content = sample(channel)
    return [
        content | {field.name: f"{content[field.name]} {more}"}
        for field in channel.content_form
        if field.kind in _TEXTS and content.get(field.name)
    ]


def _fill(field: Field) -> Any:
    if field.kind is Kind.PIECES:
        shape = field.shapes[0]
        return [{"shape": shape.name, **{each.name: _fill(each) for each in shape.form if each.is_required}}]
    if field.choices:
        chosen = field.choices[0][0]
        return [chosen] if field.kind is Kind.CHECKS else chosen
    if field.kind is Kind.NUMBER and field.low is not None:
        return field.low
    return _PLAIN.get(field.kind, "Hello from the conformance kit"[: field.high])
