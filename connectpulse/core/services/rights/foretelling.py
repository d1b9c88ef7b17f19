"""A request's plan in words, for the second person: what is exported, changed, erased or kept by law, and why."""

from collections.abc import Mapping
from typing import Any

from ...domain.acts import Effect, Prospect
from ...domain.rights import Kind, State
from ...storage.models import SubjectRequest
from ..work import Work
from . import correcting, intake, planning

_CHANGED = "What is held about this person has changed since. It must be planned again before anybody approves it."
_AFTER = {
    Kind.ACCESS: "The person gets a copy, signed, by a link that works once within seven days.",
    Kind.CORRECTION: "The person is told what was corrected.",
    Kind.DELETION: "What is erased cannot be brought back. A mark that names nobody keeps the person from being "
    "written to when a list brings them back.",
    Kind.OBJECTION: "The person gets no such message any more, from campaigns on their way, too.",
    Kind.RESTRICTION: "Nothing is done with what is held about the person until the restriction is lifted.",
}


def explain(work: Work, request_id: int, facts: Mapping[str, Any]) -> Prospect:
    """Return what approving a request does: looked up now while it is planned, as it was planned afterwards."""
    work = planning.home(work, request_id)
    request = intake.find(work, request_id)
    kind = Kind(request.kind)
    if request.state != State.PLANNED:
        return Prospect(_planned(request), (_AFTER[kind],))
    made = planning.build(work, request, planning.planned_archives(request))
    effects = tuple(Effect(each.title, each.deed, each.why, each.rows) for each in made.lines)
    nothing = () if effects else ("Nothing is held about this person any more.",)
    is_as_planned = made.digest == facts.get("digest") == request.digest
    return Prospect(effects, (*made.notes, *nothing, _AFTER[kind]), "" if is_as_planned else _CHANGED)


def _planned(request: SubjectRequest) -> tuple[Effect, ...]:
    """Return what was planned; values of a correction went with the request where that was erased."""
    return (
        *(Effect(each["title"], each["deed"], each["why"], each["rows"]) for each in request.plan or ()),
        *(Effect("Correction", "changed", each) for each in correcting.notes(request)),
    )
