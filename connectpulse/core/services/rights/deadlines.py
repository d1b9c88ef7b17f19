"""Reminding those who answer: on day 21, on day 28, and once the time is over."""

from sqlalchemy import select

from ...domain import rights
from ...domain.rights import State
from ...storage.models import SubjectRequest
from ..notices import board
from ..work import Work
from . import telling

BATCH = 500


def remind(work: Work) -> int:
    """Post the reminders that are due, each once; return how many were posted. Open requests are read by the page."""
    over = [State.DONE, State.REFUSED, State.WITHDRAWN]
    wanted = select(SubjectRequest).where(SubjectRequest.state.not_in(over)).order_by(SubjectRequest.id).limit(BATCH)
    posted = after = 0
    while rows := work.session.scalars(wanted.where(SubjectRequest.id > after)).all():
        posted += sum(_remind(work, row) for row in rows)
        work.session.flush()
        after = rows[-1].id
    return posted


def _remind(work: Work, request: SubjectRequest) -> bool:
    matter = rights.reminder(request.received_at, request.due_at, work.clock())
    if not matter or request.facts.get("reminded") == matter:
        return False
    request.facts = {**request.facts, "reminded": matter}
    is_late = matter == "overdue"
    title = f"Overdue: {request!r}" if is_late else f"{request!r} is due on {telling.day(request.due_at)}"
    body = "The law's time to answer is over. Answer now, and say why it is late." if is_late else "Answer it in time."
    telling.notice(work, request, matter, title, body, board.ALARM if is_late else board.WARNING)
    return True
