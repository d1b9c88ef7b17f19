"""Asking the operator, and being answered: a thread with a reference, with mail to both sides."""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text

from ...domain.roles import PLATFORM_ADMINISTRATOR
from ...errors import NotFound, Refused
from ...storage.models import SupportMessage, SupportRequest
from ...storage.trust import trust
from .. import audit
from ..notices import board, mail
from ..policy import operator
from ..work import Work

STATES = {"open": "waits for us", "answered": "answered", "closed": "closed"}
LONGEST = 10_000
MOST_AN_HOUR = 5
"""Requests from one e-mail address within an hour."""
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_EMAIL = re.compile(r"^[^@\s<>]{1,64}@[^@\s<>]{1,255}$")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: an account, or somebody from outside known by name and e-mail address."""

    name: str
    email: str
    user_id: int | None = None
    organisation_id: int | None = None


def open_request(work: Work, asker: Asker, subject: str, body: str) -> SupportRequest:
    """Open a request, tell the operators, and confirm it by mail; raise Refused with every fault."""
    subject, body = " ".join(subject.split()), body.replace("\r\n", "\n").replace("\x00", "").strip()
    _check(asker, subject, body)
    _not_too_often(work, asker.email)
    request = SupportRequest(
        reference="CP-" + "".join(secrets.choice(_LETTERS) for _ in range(8)), subject=subject,
        organisation_id=asker.organisation_id, user_id=asker.user_id, name=asker.name.strip()[:128],
        email=asker.email.strip().lower(),
    )  # fmt: skip
    work.session.add(request)
    work.session.flush()
    _say(work, request, body, is_answer=False)
    audit.record(work, "support.opened", request)
    _to_asker(work, request, f"We have your request and will answer by mail.\n\nYou wrote:\n\n{body}")
    return request


def _check(asker: Asker, subject: str, body: str) -> None:
    faults = {}
    if not asker.name.strip() or len(asker.name) > 128:
        faults["name"] = "Name: please fill this in."
    if not _EMAIL.match(asker.email.strip()):
        faults["email"] = "E-mail: this is no e-mail address."
    if not 3 <= len(subject) <= 200:
        faults["subject"] = "Subject: three to 200 characters."
    faults |= _body_fault(body)
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal


def _body_fault(body: str) -> dict[str, str]:
    if not body:
        return {"body": "Message: please write something."}
    return {"body": f"Message: at most {LONGEST} characters."} if len(body) > LONGEST else {}


def _not_too_often(work: Work, email: str) -> None:
    since = work.clock() - timedelta(hours=1)
    lately = select(func.count()).where(
        SupportRequest.email == email.strip().lower(), SupportRequest.created_at > since
    )
    if (work.session.scalar(lately) or 0) >= MOST_AN_HOUR:
        raise Refused("You have written several times within the hour. Answer one of those mails, or wait a little.")


def write(work: Work, request: SupportRequest, body: str) -> None:
    """Add to one's own request; that opens a closed one again."""
    body = _clean(body)
    _say(work, request, body, is_answer=False)
    request.state, request.closed_at = "open", None
    work.session.flush()
    audit.record(work, "support.written", request)


def answer(work: Work, request_id: int, body: str, *, closes: bool = False) -> SupportRequest:
    """Answer a request as an operator; the answer goes out by mail."""
    request = find(work, request_id, lock=True)
    body = _clean(body)
    _say(work, request, body, is_answer=True)
    request.assigned_to = request.assigned_to or work.actor.id
    _become(work, request, "closed" if closes else "answered")
    audit.record(work, "support.answered", request, state=request.state)
    _to_asker(work, request, body)
    return request


def close(work: Work, request_id: int) -> SupportRequest:
    """Close a request; whoever asked may open it again by writing."""
    request = find(work, request_id, lock=True)
    if request.state == "closed":
        return request
    _become(work, request, "closed")
    audit.record(work, "support.closed", request)
    return request


def assign(work: Work, request_id: int, user_id: int | None) -> SupportRequest:
    """Give a request to an operator, or to nobody."""
    request = find(work, request_id, lock=True)
    if user_id is not None and user_id not in {id for id, _ in operators(work)}:
        raise Refused("Choose somebody who administers the platform.")
    request.assigned_to = user_id
    work.session.flush()
    audit.record(work, "support.assigned", request, to=user_id)
    return request


def _become(work: Work, request: SupportRequest, state: str) -> None:
    request.state = state
    request.closed_at = work.clock() if state == "closed" else None
    work.session.flush()
    board.end(work, f"support:{request.reference}")


def operators(work: Work) -> list[tuple[int, str]]:
    """Return who may answer: id and name of every active administrator of the platform."""
    rows = work.session.execute(
        text(
            "SELECT u.id, u.first_name || ' ' || u.last_name FROM ab_user u JOIN ab_user_role ur ON ur.user_id = u.id "
            "JOIN ab_role r ON r.id = ur.role_id WHERE r.name = :role AND u.active ORDER BY 2 LIMIT 100"
        ),
        {"role": PLATFORM_ADMINISTRATOR},
    )
    return [(row[0], row[1].strip()) for row in rows]


def find(work: Work, request_id: int, *, lock: bool = False) -> SupportRequest:
    """Return a request; raise NotFound if there is none."""
    found = work.session.get(SupportRequest, request_id, with_for_update=lock)
    if found is None:
        raise NotFound("There is no such request.")
    return found


def own(work: Work, request_id: int) -> SupportRequest:
    """Return one of the actor's own requests; raise NotFound for anybody else's."""
    found = find(work, request_id)
    if work.actor.kind != "user" or work.actor.id is None or found.user_id != work.actor.id:
        raise NotFound("There is no such request.")
    return found


def mine(work: Work, most: int = 50) -> Sequence[SupportRequest]:
    """Return the actor's requests, the newest first."""
    wanted = select(SupportRequest).where(SupportRequest.user_id == work.actor.id)
    return work.session.scalars(wanted.order_by(SupportRequest.id.desc()).limit(most)).all()


def thread_path(request: SupportRequest) -> str:
    """Return where whoever asked reads on without signing in.

    Only mail to them holds it; where no mail goes out, the page that thanks them does.
    """
    return f"/contact/thread/{request.reference}/{_proof(request.reference)}"


def by_link(work: Work, reference: str, proof: str) -> SupportRequest:
    """Return the request of a link from a mail; raise NotFound unless the link is genuine."""
    if not secrets.compare_digest(proof.encode(), _proof(reference).encode()):
        raise NotFound("This link is not valid. Write to us again.")
    found = work.session.scalars(select(SupportRequest).where(SupportRequest.reference == reference)).one_or_none()
    if found is None:
        raise NotFound("This request has been deleted.")
    return found


def _proof(reference: str) -> str:
    return hmac.new(trust.key("support"), reference.encode(), "sha256").hexdigest()[:40]


def _clean(body: str) -> str:
    body = body.replace("\r\n", "\n").replace("\x00", "").strip()
    faults = _body_fault(body)
    if faults:
        raise Refused(*faults.values())
    return body


def _say(work: Work, request: SupportRequest, body: str, *, is_answer: bool) -> None:
    said = SupportMessage(
        request_id=request.id, is_answer=is_answer, body=body,
        user_id=work.actor.id if work.actor.kind == "user" else None,
        author_name=work.actor.name[:128] if is_answer or request.user_id else request.name,
        email="" if is_answer else request.email,
    )  # fmt: skip
    work.session.add(said)
    work.session.flush()
    work.session.expire(request, ["messages"])
    if not is_answer:
        _to_operators(work, request, body)


def _to_operators(work: Work, request: SupportRequest, body: str) -> None:
    key = f"support:{request.reference}"
    board.end(work, key)
    to = {"user_id": request.assigned_to} if request.assigned_to else {"roles": (PLATFORM_ADMINISTRATOR,)}
    board.post(
        work, "support.request", f"{request.reference}: {request.subject}", "Somebody waits for an answer.",
        link=f"/support/show/{request.id}", key=key, **to,
    )  # fmt: skip
    inbox = operator.facts(work).email
    if inbox and mail.is_sent_here():
        link = mail.address(f"/support/show/{request.id}")
        mail.post(
            work, inbox, f"[{request.reference}] {request.subject}", f"{request.name} wrote:\n\n{body}\n\n{link}\n"
        )


def _to_asker(work: Work, request: SupportRequest, body: str) -> None:
    if not mail.is_sent_here():
        return
    path = f"/help/show/{request.id}" if request.user_id else thread_path(request)
    foot = f"Read on and answer here: {mail.address(path)}"
    mail.post(work, request.email, f"[{request.reference}] {request.subject}", f"{body}\n\n{foot}\n")
