"""Answers that are written again and again: kept once, and filled in for whoever is answered."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from ...domain import template
from ...errors import Refused
from ...storage.models import CannedAnswer
from .. import contacts, records
from ..work import Work
from .answering import LONGEST
from .threads import Party

MOST = 200


class Filled(NamedTuple):
    """A canned answer with a person's values in it; `channel` empty fits all."""

    title: str
    channel: str
    text: str


def create(work: Work, title: str, channel: str, body: str) -> CannedAnswer:
    """Keep an answer; raise Refused with every fault."""
    made = CannedAnswer()
    _write(work, made, title, channel, body)
    return records.create(work, made, "canned_answer.created")


def change(work: Work, answer_id: int, title: str, channel: str, body: str) -> CannedAnswer:
    """Change an answer; raise Refused with every fault."""
    row = records.find(work, CannedAnswer, answer_id, lock=True)
    _write(work, row, title, channel, body)
    return records.update(work, row, "canned_answer.updated")


def remove(work: Work, answer_id: int) -> None:
    """Delete an answer."""
    records.delete(work, records.find(work, CannedAnswer, answer_id), "canned_answer.deleted")


def _write(work: Work, row: CannedAnswer, title: str, channel: str, body: str) -> None:
    if channel and channel not in work.registry.channels:
        raise Refused("Choose a channel from the list, or all of them.")
    if not body.strip() or len(body) > LONGEST:
        raise Refused(f"Text: between one and {LONGEST} characters.")
    template.check_names(template.parse(body), contacts.known_names(work))
    row.title, row.channel, row.body = title.strip()[:120], channel, body.replace("\r\n", "\n").strip()


def offered(work: Work, party: Party) -> Sequence[Filled]:
    """Return the organisation's answers filled with a person's values, by title.

    What is not known of the person stays as it is written, so that whoever answers sees the gap.
    """
    rows = work.session.scalars(select(CannedAnswer).order_by(CannedAnswer.title).limit(MOST))
    return [Filled(row.title, row.channel, template.known_filled(row.body, party.values)) for row in rows]
