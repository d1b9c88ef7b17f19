"""What the person who asked is told, and what those are told who answer."""

from datetime import datetime

from ...domain.rights import Kind, State
from ...domain.roles import ORGANISATION_ADMINISTRATOR, PLATFORM_ADMINISTRATOR
from ...storage.models import Organisation, SubjectRequest
from ..notices import board, mail
from ..work import Work
from . import links


def who(work: Work, request: SubjectRequest) -> str:
    """Return whom a request is to: an organisation by its name, or the platform."""
    if request.organisation_id is None:
        return "Connect Pulse"
    row = work.session.get(Organisation, request.organisation_id)
    return row.name if row is not None else "the organisation"


def day(moment: datetime) -> str:
    return f"{moment:%d %B %Y}".lstrip("0")


def code(work: Work, request: SubjectRequest, word: str) -> str:
    """Return the text that carries a code."""
    return (
        f"Somebody, probably you, asked {who(work, request)}: {Kind(request.kind).label}.\n\n"
        f"Your code is {word}\n\n"
        f"Enter it here within two days:\n{links.confirm_url(request.id)}\n\n"
        "If it was not you, do nothing: without the code nothing happens."
    )


def progress(work: Work, request: SubjectRequest, extra: str = "") -> None:
    """Mail the person where their request stands; by phone they see it on its page."""
    if request.scheme != "email" or "@" not in request.address:
        return
    state = State(request.state)
    lines = [
        f"Your request to {who(work, request)} ({Kind(request.kind).label.lower()}), number {request.id}:",
        state.sentence,
    ]
    if extra:
        lines.append(extra)
    if state.is_open:
        lines.append(f"You get an answer by {day(request.due_at)} at the latest.")
    lines.append(f"See where it stands:\n{links.status_url(request.id)}")
    mail.post(work, request.address, f"Your request {request.id}", "\n\n".join(lines))


def package(work: Work, request: SubjectRequest, token: str) -> None:
    """Mail the link to a copy of the person's data."""
    mail.post(
        work,
        request.address,
        f"Your data from {who(work, request)}",
        "The copy of your data is ready. The link works once, within seven days:\n\n"
        f"{links.package_url(token)}\n\n"
        "Open it on a device of your own. The file lists everything we hold about you, readable for people "
        "(index.html) and for machines, with our signature over it.",
    )


def answerers(request: SubjectRequest) -> tuple[str, ...]:
    """Return the roles that answer a request."""
    return (PLATFORM_ADMINISTRATOR,) if request.organisation_id is None else (ORGANISATION_ADMINISTRATOR,)


def path(request: SubjectRequest) -> str:
    """Return a request's page in the panel."""
    return f"/requests/show/{request.id}" + ("?of=platform" if request.organisation_id is None else "")


def notice(work: Work, request: SubjectRequest, matter: str, title: str, body: str, level: str = board.INFO) -> None:
    """Post a notice to whoever answers a request; once per matter."""
    board.post(
        work, "rights", title, body, roles=answerers(request), organisation_id=request.organisation_id, level=level,
        link=path(request), key=f"rights:{request.id}:{matter}",
    )  # fmt: skip


def settled(work: Work, request: SubjectRequest) -> None:
    """Close every notice about a request that is over."""
    for matter in ("new", "verified", "day-21", "day-28", "overdue", "waiting"):
        board.end(work, f"rights:{request.id}:{matter}")
