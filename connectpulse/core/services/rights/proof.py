"""Making sure that an address is the asker's: a code goes there, and whoever knows it is believed. Once."""

import hmac
from datetime import timedelta

from sqlalchemy import func, select, text

from ...domain.contracts import Needs, Purpose
from ...domain.form import Kind as FieldKind
from ...domain.rights import Kind, State
from ...errors import PulseError, Refused
from ...storage import guard
from ...storage.models import Address, InboundMessage, Message, Sender, SubjectRequest
from .. import singles
from ..notices import mail
from ..work import Work
from . import intake, links, telling

GOOD_FOR = timedelta(days=2)
MOST_TRIES = 5
MOST_CODES = 5
NOT_BEFORE = timedelta(minutes=2)
"""How long after one message another is sent to the same person."""
MOST_TEXTS = 60
"""Codes sent over channels within `HOUR` for requests to one organisation, or to the platform: each of them costs."""
HOUR = timedelta(hours=1)


def send(work: Work, request_id: int) -> bool:
    """Send the person a code, or where they proved themselves before, the way to their request's page.

    Returns False where nothing was sent: too soon, too often, or no way leads to the address. Whoever filled
    the form in is told the same in every case.
    """
    request = intake.find(work, request_id, lock=True)
    now = work.clock()
    if request.told_at is not None and now - request.told_at < NOT_BEFORE:
        return False
    if request.codes_sent >= MOST_CODES or not State(request.state).is_open:
        return False
    if request.state != State.RECEIVED:
        request.told_at, request.codes_sent = now, request.codes_sent + 1
        telling.progress(work, request)
        work.session.flush()
        return True
    word = links.code()
    if not _deliver(work, request, word):
        work.session.flush()
        return False
    request.code_hash, request.code_until = links.hashed(f"code {request.id}", word), now + GOOD_FOR
    request.code_tries, request.codes_sent, request.told_at = 0, request.codes_sent + 1, now
    intake.record(work, "subject_request.code_sent", request, by=request.scheme)
    return True


def confirm(work: Work, request_id: int, typed: str) -> SubjectRequest | None:
    """Verify a request by the code its person got; return None for a wrong, expired or used one.

    The caller commits in either case: a wrong code is counted, and leaves a trace.
    """
    request = intake.find(work, request_id, lock=True)
    if request.state != State.RECEIVED or not request.code_hash:
        return _wrong(work, request, "used before, or never sent")
    if request.code_until is None or work.clock() >= request.code_until:
        return _wrong(work, request, "expired")
    if request.code_tries >= MOST_TRIES:
        return _wrong(work, request, "too many wrong codes")
    word = links.hashed(f"code {request.id}", links.typed(typed))
    if not hmac.compare_digest(word, request.code_hash):
        request.code_tries += 1
        return _wrong(work, request, "wrong")
    how = {"email": "a code sent by mail"}.get(request.scheme, "a code sent to the number")
    return intake.verify(work, request.id, f"Confirmed by {how}.")


def _wrong(work: Work, request: SubjectRequest, why: str) -> SubjectRequest | None:
    intake.record(work, "subject_request.code_refused", request, reason=why)
    return None


def _deliver(work: Work, request: SubjectRequest, word: str) -> bool:
    if request.scheme == "email":
        body = telling.code(work, request, word)
        mail.post(work, request.address, f"Your code: confirm your request {request.id}", body)
        return True
    said = f"{word} is your code: {Kind(request.kind).label}. Not you? Do nothing."
    return _by_channel(work, request, f"{said} {links.confirm_url(request.id)}")


def _by_channel(work: Work, request: SubjectRequest, body: str) -> bool:
    """Send a text over an organisation's own connection; return False where none leads there."""
    organisation_id = _payer(work, request)
    if organisation_id is None or _is_enough(work, request):
        return False
    before, work.organisation = work.organisation, organisation_id
    try:
        with guard.platform_scope(work.session, "send a code"), work.session.begin_nested():
            return any(_try(work, organisation_id, request, name, body) for name in work.registry.channels)
    except PulseError:
        return False
    finally:
        work.organisation = before


def _try(work: Work, organisation_id: int, request: SubjectRequest, name: str, body: str) -> bool:
    channel = work.registry.channels[name]
    if channel.scheme != request.scheme:
        return False
    field = next((each.name for each in channel.content_form if each.kind is FieldKind.LONG_TEXT), None)
    sender = work.session.scalars(
        select(Sender)
        .where(Sender.organisation_id == organisation_id, Sender.channel == name, Sender.is_active)
        .order_by(Sender.purposes.contains([Purpose.TRANSACTIONAL.value]).desc(), Sender.id)
        .limit(1)
    ).one_or_none()
    if field is None or sender is None:
        return False
    content = {field: body}
    if channel.needs(content, Purpose.TRANSACTIONAL) != Needs():  # nobody could wait for an approval or an answer
        return False
    try:
        singles.queue(
            work, channel=channel, sender=sender.value, address=request.address, content=content,
            purpose=Purpose.TRANSACTIONAL, is_owed=True,
        )  # fmt: skip
    except Refused:
        return False
    return True


def _payer(work: Work, request: SubjectRequest) -> int | None:
    """Return the organisation whose connection carries a code, None if nobody's does.

    Strangers type any number into the public form, so for them nobody pays unless the number is known. Whoever
    acts for an organisation vouches for it.
    """
    if work.actor.kind == "visitor" or request.organisation_id is None:
        return _acquainted(work, request)
    return request.organisation_id


def _is_enough(work: Work, request: SubjectRequest) -> bool:
    """Return whether as many codes as may were sent over channels lately; a person asks for another one later."""
    home = request.organisation_id
    work.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('pulse_subject_codes'), CAST(:home AS integer))"),
        {"home": (home or 0) % 2**31},
    )
    told = select(func.sum(SubjectRequest.codes_sent)).where(
        SubjectRequest.organisation_id.is_not_distinct_from(home),
        SubjectRequest.scheme != "email",
        SubjectRequest.told_at > work.clock() - HOUR,
    )
    return (work.session.scalar(told) or 0) >= MOST_TEXTS


def _acquainted(work: Work, request: SubjectRequest) -> int | None:
    """Return an organisation that knows a request's address: the one asked, of the platform whoever wrote last."""
    home = request.organisation_id
    with guard.platform_scope(work.session, "send a code"):
        holds = select(Address.organisation_id).where(
            Address.scheme == request.scheme, Address.value == request.address
        )
        wrote = select(Message.organisation_id).where(Message.address == request.address)
        heard = select(InboundMessage.organisation_id).where(InboundMessage.address == request.address)
        if home is not None:
            holds, wrote = holds.where(Address.organisation_id == home), wrote.where(Message.organisation_id == home)
            heard = heard.where(InboundMessage.organisation_id == home)
        ways = [wrote.order_by(Message.id.desc()), holds, heard.order_by(InboundMessage.id.desc())]
        found = (work.session.scalar(way.limit(1)) for way in ways)
        return next((each for each in found if each is not None), None)
