"""What lifting a legal hold does, in words: what may go from then on, and what other holds still keep."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, select

from ...domain.acts import Effect, Prospect
from ...registry import Registry
from ...storage.models import Hold
from .. import four_eyes
from ..addresses import SCHEME_TITLES
from ..work import Work
from . import holds


def called(work: Work, hold: Hold) -> str:
    """Return what a hold is on, as people say it."""
    return called_by(work.registry, hold)


def called_by(registry: Registry, hold: Hold) -> str:
    """Return what a hold is on, by the titles of a registry's records."""
    if hold.kind == holds.CLASS:
        rule = registry.rules.get(hold.table_name)
        return f"all {(rule.called if rule is not None else hold.table_name.replace('_', ' ')).lower()}"
    if hold.kind == holds.ORGANISATION:
        return "the whole organisation"
    if hold.value:
        return f"the person with the {SCHEME_TITLES.get(hold.scheme, hold.scheme)} {hold.value}"
    return f"the user {hold.user_id}" if hold.user_id else f"the contact {hold.contact_id}"


def reach(hold: Hold) -> str:
    """Return where a hold binds."""
    return "this organisation" if hold.organisation_id is not None else "every organisation"


def waiting(work: Work, found: list[Hold]) -> dict[int, Any]:
    """Return the requests to lift some holds that wait for a second person, by hold."""
    return four_eyes.all_waiting(work, holds.LIFT, {each.id for each in found})


def explain(work: Work, hold_id: int, facts: Mapping[str, Any]) -> Prospect:
    """Return what approving the lifting of a hold does; looks at holds only, and changes nothing."""
    hold = holds.find(work, hold_id, lock=False)
    what = called(work, hold)
    rest = _others(work, hold)
    effects = [
        Effect("Legal hold " + str(hold.id), "lifted", f"It was placed in {reach(hold)} because: {hold.reason}"),
        Effect(f"Records of {what}" if hold.kind == holds.SUBJECT else _first_up(what),
               "kept" if rest else "no longer held",
               f"Still held: {'; '.join(f'{each!r}, {each.reason}' for each in rest)}" if rest
               else "Retention applies its rules to them again, from the next run on. What is overdue goes at once."),
        Effect("Requests to erase them", "kept" if rest else "possible again",
               "The other holds stand in their way." if rest else "Nothing stands in their way any more."),
        Effect("That they were held, and why", "kept", "By law: why records were held is proved for two years."),
    ]  # fmt: skip
    notes = () if rest else ("What is deleted after the hold is lifted cannot be brought back.",)
    return Prospect(tuple(effects), notes, "This hold was lifted already." if _is_late(work, hold) else "")


def _is_late(work: Work, hold: Hold) -> bool:
    return hold.lifted_at is not None and four_eyes.waiting(work, holds.LIFT, hold.id) is not None


def _others(work: Work, hold: Hold) -> list[Hold]:
    """Return the other standing holds that keep the same records, as far as they bind where this one does."""
    same = select(Hold).where(Hold.lifted_at.is_(None), Hold.id != hold.id).order_by(Hold.id).limit(20)
    here: ColumnElement[bool] = Hold.organisation_id.is_(None)
    if hold.organisation_id is not None:
        here = here | (Hold.organisation_id == hold.organisation_id)
    whole: ColumnElement[bool] = Hold.kind == holds.ORGANISATION
    if hold.kind == holds.CLASS:
        whole = whole | ((Hold.kind == holds.CLASS) & (Hold.table_name == hold.table_name))
    if hold.kind == holds.SUBJECT:
        whole = whole | (
            (Hold.kind == holds.SUBJECT) & (Hold.scheme == hold.scheme) & (Hold.value == hold.value)
            & Hold.contact_id.is_not_distinct_from(hold.contact_id) & Hold.user_id.is_not_distinct_from(hold.user_id)
        )  # fmt: skip
    return list(work.session.scalars(same.where(here, whole)))


def _first_up(words: str) -> str:
    return words[:1].upper() + words[1:]
