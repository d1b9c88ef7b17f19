"""Answering: what an answer will look like and cost, and sending it if nobody was quicker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...domain.contracts import Preview
from ...domain.form import Field, Form, Kind
from ...errors import Refused
from ...storage.models import Thread
from ...storage.models.conversation import DONE, OPEN
from .. import audit, singles, templates
from ..work import Work
from . import costs, threads, ways
from .ways import PURPOSE, Way

LONGEST = 4000
FORM: Form = (Field("text", "Answer", Kind.LONG_TEXT, is_required=True, high=LONGEST),)


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before it is sent. `way` and `sender` empty take the best; `seen` is the last thing its writer read."""

    text: str
    way: str = ""
    sender: str = ""
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What an answer would be: figures and warnings, and what is wrong with it."""

    preview: Preview
    faults: Sequence[str]


def answer(work: Work, thread_id: int, draft: Draft, *, closes: bool = False) -> int:
    """Send an answer and return its message's id; the conversation is its writer's if it was nobody's.

    `closes` marks the conversation as done as well. Raises Refused with every reason, among them that somebody
    answered, or the person wrote again, since what the writer had read.
    """
    thread = threads.find(work, thread_id, lock=True)
    threads.check_seen(work, thread, draft.seen)
    party = threads.party(work, thread)
    way = ways.chosen(ways.found(work, thread, party), draft.way)
    if way.obstacles:
        raise Refused(*way.obstacles)
    sender = ways.identity(way, draft.sender)
    content = _content(work, way, draft.text, party.values)
    message_id = singles.queue(
        work, channel=way.channel, sender=sender, address=way.address, content=content, purpose=PURPOSE,
        values=party.values, contact_id=party.contact.id if party.contact is not None else None,
        connection_id=way.returns(sender),
    )  # fmt: skip
    note(work, thread, message_id, closes=closes)
    audit.record(work, "thread.answered", thread, message=message_id, channel=way.channel.name)
    if closes:
        audit.record(work, "thread.done", thread)
    return message_id


def note(work: Work, thread: Thread, message_id: int, *, closes: bool) -> None:
    """Note that somebody wrote in a conversation: it waits for nobody, and is its writer's if it was nobody's."""
    is_person = work.actor.kind == "user"
    thread.last_id, thread.answer_id = max(thread.last_id, message_id), message_id
    thread.answered_by = work.actor.id if is_person else None
    thread.state, thread.unread, thread.waiting_since = DONE if closes else OPEN, 0, None
    if thread.assigned_to is None and is_person and _is_member(work, work.actor.id):
        thread.assigned_to = work.actor.id
    work.session.flush()


def _is_member(work: Work, user_id: int | None) -> bool:
    return user_id in {each.user_id for each in threads.members(work)}


def look(work: Work, thread_id: int, draft: Draft) -> Look:
    """Return what an answer would be and cost, while it is being written; never raises for what is in it."""
    thread = threads.find(work, thread_id)
    party = threads.party(work, thread)
    try:
        way = ways.chosen(ways.found(work, thread, party), draft.way)
    except Refused as refusal:
        return Look(Preview(()), refusal.problems)
    if not draft.text.strip():
        return Look(Preview(()), way.obstacles)
    faults = list(way.obstacles)
    shown = way.channel.preview(_raw(way, draft.text))
    figures = list(shown.figures)
    try:
        content = _content(work, way, draft.text, party.values)
        rendered = way.channel.prepare(content)(party.values)
        sender = ways.identity(way, draft.sender)
        figures += costs.figures(work, way, sender, way.channel.category(content, PURPOSE), rendered.measure)
    except Refused as refusal:
        faults += [each for each in refusal.problems if each not in faults]
    return Look(Preview(tuple(figures), shown.warnings), faults)


def _raw(way: Way, said: str) -> Mapping[str, Any]:
    return way.channel.answer_content(said.replace("\r\n", "\n").strip(), way.reference, way.about) or {}


def _content(work: Work, way: Way, said: str, values: dict[str, str]) -> dict[str, object]:
    """Return the content of an answer; raise Refused with its faults, and for fields the person has no value for."""
    if not said.strip():
        raise Refused("Answer: please write something.")
    raw = _raw(way, said)
    content = templates.read_content(work, way.channel.name, raw)
    missing = sorted(name for name in way.channel.required_values(content) if not values.get(name))
    if missing:
        raise Refused(*(f"{{{{ {name} }}}} is not known of this person. Write it out." for name in missing))
    return dict(content)
