"""What follows if a message does not arrive: its fields in a campaign's form, and how a page tells of it."""

from dataclasses import dataclass
from typing import Any

from ...core.domain.contracts import Preview
from ...core.domain.fallback import OUTCOMES
from ...core.domain.form import Field, Form, Kind
from ...core.errors import Refused
from ...core.services.campaign_drafts import MOST_FALLBACKS, fallbacks_of
from ...core.services.campaigns import FallbackDraft
from ...core.services.overview import Progress
from ...core.services.work import Work
from ...core.storage.models import Campaign, Quote
from .channels import channel_title

_HEADINGS = (
    "If it does not arrive, then …",
    "And if that does not arrive, then …",
    "And if that does not arrive either, then …",
)


def _fields(number: int) -> Form:
    group = _HEADINGS[number - 1]
    return (
        Field(f"then{number}_template_id", "Template of another channel", Kind.PICK, source="TemplateView", group=group,
              help="Its channel is where recipients go on. Who cannot be written to before begins here."),
        Field(f"then{number}_sender_id", "Sender on that channel", Kind.PICK, source="SenderView", group=group),
        Field(f"then{number}_outcomes", "After these endings", Kind.CHECKS, default=list(OUTCOMES), group=group,
              choices=tuple(OUTCOMES.items())),
        Field(f"then{number}_after_minutes", "Or if not delivered within minutes", Kind.NUMBER, low=1, high=10080,
              group=group, help="Counted from the hand-over. Empty: only an ending decides."),
    )  # fmt: skip


FIELDS: Form = tuple(field for number in range(1, MOST_FALLBACKS + 1) for field in _fields(number))


def values(row: Campaign) -> dict[str, Any]:
    """Return what the form shows of a campaign's fallbacks."""
    shown: dict[str, Any] = {}
    for number, draft in enumerate(fallbacks_of(row), 1):
        for name in ("template_id", "sender_id", "outcomes", "after_minutes"):
            shown[f"then{number}_{name}"] = getattr(draft, name)
    return shown


def drafts(values: dict[str, Any]) -> list[FallbackDraft]:
    """Take the fallbacks out of what was typed; groups that are left empty are none, but none may lie in between."""
    found: list[FallbackDraft | None] = []
    for number in range(1, MOST_FALLBACKS + 1):
        template, sender, outcomes, minutes = (
            values.pop(f"then{number}_{name}") for name in ("template_id", "sender_id", "outcomes", "after_minutes")
        )
        is_empty = template is None and sender is None and minutes is None
        found.append(None if is_empty else FallbackDraft(template, sender, outcomes or (), minutes))
    made = [each for each in found if each is not None]
    if made != found[: len(made)]:
        raise Refused("Fill the channels that follow in their order, without a gap.")
    return made


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of a campaign as its page shows it. `progress` are its own figures, `moved` how many came to it."""

    title: str
    template: str
    sender: str
    content: list[str]
    preview: Preview | None
    when: str
    progress: Progress
    moved: int
    begin: int
    reach: int


def legs(work: Work, row: Campaign, progress: Progress, quote: Quote | None) -> list[Leg]:
    """Return the channels of a campaign that has several, in order."""
    if not row.fallbacks:
        return []
    return [_leg(work, number, each, progress, quote) for number, each in enumerate([row, *row.fallbacks])]


def _leg(work: Work, number: int, each: Any, progress: Progress, quote: Quote | None) -> Leg:
    version, channel = each.template_version, work.registry.channels.get(each.channel)
    texts = (
        [field.name for field in channel.content_form if field.kind in (Kind.TEXT, Kind.LONG_TEXT)] if channel else []
    )
    counted = quote.fallbacks.get(str(number), {}) if quote is not None else {}
    return Leg(
        title=channel_title(each.channel),
        template=version.template.name if version else "none yet",
        sender=each.sender.value if each.sender else "none yet",
        content=[version.content[name] for name in texts if version.content.get(name)] if version else [],
        preview=channel.preview(version.content) if channel and version else None,
        when=_when(each) if number else "",
        progress=progress.at(number),
        moved=int(progress.figures.get(f"{number}:moved", 0)),
        begin=counted.get("begin", 0),
        reach=counted.get("reach", 0),
    )


def _when(each: Any) -> str:
    """Return after what a fallback follows, as the end of a sentence."""
    words = [OUTCOMES[name].lower() for name in OUTCOMES if name in each.outcomes]
    words = ["it does not arrive"] if len(words) == len(OUTCOMES) else words
    if each.after_minutes is not None:
        words.append(f"it was not delivered within {each.after_minutes} minutes")
    return " or ".join(words)
