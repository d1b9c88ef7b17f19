"""What people write to us: kept, tied to contact and campaign where known, and obeyed if it says stop."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import idna
import structlog
from sqlalchemy import func, insert, or_, select, text

from ..domain.contracts import Channel, Purpose, Unpriced
from ..domain.provider import Inbound
from ..errors import PulseError, Refused
from ..storage import ids
from ..storage.models import Address, Connection, InboundMessage, Organisation, Sender, StrayMessage
from . import erased, singles, suppressions
from .conversations import arriving
from .senders import bare
from .work import Work

log = structlog.get_logger(__name__)

LOOK_BACK = timedelta(days=30)
_MOST_OWNERS = 50
_ARABIC = re.compile(r"[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]")
_SPACES = re.compile(r"\s+")


class _Owner(NamedTuple):
    """An organisation that may be meant, and the hint of the sender that says so."""

    organisation_id: int
    hint: str = ""


def take(work: Work, connection_id: int, messages: Sequence[Inbound]) -> None:
    """Store inbound messages of one connection; an opt-out suppresses at once and is confirmed once.

    They belong to the organisation whose sender they were written to; where several share it, to the one that
    wrote to that address last; else to the organisation the connection serves alone. What cannot be given to
    one organisation is kept for the platform's administrators, and a wish to stop holds for all it may be
    meant for.
    """
    connection = work.session.get(Connection, connection_id)
    if connection is None or connection.channel not in work.registry.channels:
        return
    channel = work.registry.channel(connection.channel)
    for message in messages:
        if not _is_known(work, connection.id, message):
            _take(work, connection, channel, message)


def meant(work: Work, connection: Connection, channel: Channel, message: Inbound) -> list[tuple[int, str]]:
    """Return the organisations a message may be meant for, each with the sender's canonical address there."""
    owners = [each.organisation_id for each in _owners(work, connection, message)]
    owners = owners or [row.organisation_id for row in _wrote_lately(work, connection, (), channel, message)]
    found = [work.session.get(Organisation, owner) for owner in owners]
    return [(each.id, _canonical(channel, message.address, each.country)) for each in found if each is not None]


def _take(work: Work, connection: Connection, channel: Channel, message: Inbound) -> None:
    owners = _owners(work, connection, message)
    lately = _wrote_lately(work, connection, owners, channel, message)
    if not owners:
        owners = [_Owner(row.organisation_id) for row in lately]
        lately = lately if len(lately) == 1 else []
    last = lately[0] if lately else None
    if last is not None:
        owners = [each for each in owners if each.organisation_id == last.organisation_id]
    if len(owners) != 1:
        _stray(work, connection, channel, message, owners)
        return
    organisation = work.session.get(Organisation, owners[0].organisation_id)
    if organisation is not None:
        _keep(work, connection, channel, message, organisation, owners[0].hint, last.campaign_id if last else None)


def _keep(
    work: Work,
    connection: Connection,
    channel: Channel,
    message: Inbound,
    organisation: Organisation,
    hint: str,
    campaign_id: int | None,
) -> None:
    address = _canonical(channel, message.address, organisation.country)
    is_opt_out = _is_opt_out(channel, organisation, message.text, hint)
    contact_id = work.session.scalar(
        select(Address.contact_id).where(
            Address.organisation_id == organisation.id, Address.scheme == channel.scheme, Address.value == address
        )
    )
    said = _said(work, connection, channel, message)
    kept = insert(InboundMessage).values(
        organisation_id=organisation.id, contact_id=contact_id, campaign_id=campaign_id, address=address,
        is_opt_out=is_opt_out, **said,
    )  # fmt: skip
    inbound_id = work.session.execute(kept.returning(InboundMessage.id)).scalar_one()
    arriving.take(
        work,
        arriving.Arrival(
            organisation.id, inbound_id, contact_id, channel.scheme, address, said["received_at"], not is_opt_out
        ),
    )
    erased.meet(work, organisation.id, [(channel.scheme, address)])
    if is_opt_out and _suppress(work, organisation, channel, address, message):
        _confirm(work, organisation, channel, connection, address, message)


def _stray(work: Work, connection: Connection, channel: Channel, message: Inbound, owners: Sequence[_Owner]) -> None:
    """Keep what is nobody's, or one of several organisations'; stop all of those that are asked to."""
    is_opt_out = channel.reads_as_opt_out(message.text, channel.opt_out_words)
    for owner in owners:
        organisation = work.session.get(Organisation, owner.organisation_id)
        if organisation is not None and _is_opt_out(channel, organisation, message.text, owner.hint):
            is_opt_out = True
            address = _canonical(channel, message.address, organisation.country)
            _suppress(work, organisation, channel, address, message)
    work.session.execute(
        insert(StrayMessage),
        {
            "address": message.address[:320],
            "is_opt_out": is_opt_out,
            "owners": len(owners),
            **_said(work, connection, channel, message),
        },
    )


def _said(work: Work, connection: Connection, channel: Channel, message: Inbound) -> Mapping[str, Any]:
    return {
        "connection_id": connection.id,
        "channel": channel.name,
        "recipient": message.recipient[:320],
        "body": message.text.replace("\x00", ""),
        "reference": message.reference[:120],
        "received_at": message.received_at or work.clock(),
    }


def opt_out_words(channel: Channel, organisation: Organisation) -> frozenset[str]:
    """Return the words that mean stop, casefolded: the channel's with the organisation's, or the latter alone."""
    own = frozenset(word.casefold() for word in organisation.opt_out_words)
    return own if own and organisation.replaces_opt_out_words else channel.opt_out_words | own


def _is_opt_out(channel: Channel, organisation: Organisation, said: str, hint: str) -> bool:
    words = opt_out_words(channel, organisation)
    if channel.reads_as_opt_out(said, words):
        return True
    # A shared code tells organisations apart by a keyword: "send STOP ACME to 8558".
    return _is_named(said, hint) and channel.reads_as_opt_out(said.strip().partition(" ")[0], words)


def _suppress(work: Work, organisation: Organisation, channel: Channel, address: str, message: Inbound) -> bool:
    before, work.organisation = work.organisation, organisation.id
    try:
        return suppressions.stop(work, channel, address, source=f"wrote to {message.recipient}"[:200])
    finally:
        work.organisation = before


def _confirm(
    work: Work, organisation: Organisation, channel: Channel, connection: Connection, address: str, message: Inbound
) -> None:
    """Confirm an opt-out. That it cannot be confirmed (no price, no units left) never undoes it."""
    replies = organisation.opt_out_replies
    language = "ur" if _ARABIC.search(message.text) else "en"
    content = channel.opt_out_content(str(replies.get(language) or replies.get("en") or ""))
    if content is None:
        return
    before, work.organisation = work.organisation, organisation.id
    try:
        with work.session.begin_nested():
            singles.queue(
                work,
                channel=channel,
                connection_id=connection.id,
                sender=message.recipient,
                address=address,
                content=content,
                purpose=Purpose.TRANSACTIONAL,
                is_owed=True,
            )
    except (PulseError, Unpriced) as error:
        log.warning("opt_out_not_confirmed", organisation=organisation.id, error=type(error).__name__)
    finally:
        work.organisation = before


def _owners(work: Work, connection: Connection, message: Inbound) -> list[_Owner]:
    """Return the organisations that may be meant by the identity a person wrote to.

    That is a sender itself, or the code that a sender's hint names for those who want to stop. The hint of an
    owner holds the values of its senders too: "STOP ACME" names the mask Acme. Where somebody holds it as a sender,
    those whose hints alone name it are not meant: anybody may write anything into a hint.
    """
    only = connection.organisation_id
    spellings = _spellings(message.recipient)
    found: dict[int, str] = {} if only is None else {only: ""}
    holders = set[int]()
    for organisation_id, value, hint in _senders(work, connection, spellings) if spellings else ():
        if bare(value) in spellings:
            holders.add(organisation_id)
        elif not any(_is_within(each, hint) for each in spellings):
            continue
        found[organisation_id] = f"{found.get(organisation_id, '')} {hint} | {value} |"
    meant = {each: hint for each, hint in found.items() if each in holders} or found
    owners = [_Owner(organisation_id, hint.strip()) for organisation_id, hint in meant.items()][:_MOST_OWNERS]
    named = [each for each in owners if _is_named(message.text, each.hint)]
    return named if len(named) == 1 else owners


def _spellings(recipient: str) -> list[str]:
    """Return how senders may have written an identity of ours, in lower case: a domain in letters, or as in DNS."""
    written = bare(recipient)
    name, at, domain = written.rpartition("@")
    try:
        in_letters = f"{name}@{idna.decode(domain)}" if at else written
    except idna.IDNAError:
        in_letters = written
    return sorted({written, in_letters} - {""})


def _senders(work: Work, connection: Connection, spellings: Sequence[str]) -> Sequence[Any]:
    """Return the senders (organisation, value, hint) that are, or whose hint holds, what a person wrote to.

    Those that are it come first: however many hints name it, they are not crowded out.
    """
    written, hint = func.lower(Sender.value), func.lower(Sender.opt_out_hint)
    is_it = or_(
        written.in_([*spellings, *(f"+{each}" for each in spellings)]),
        *(written.endswith(f"<{each}>", autoescape=True) for each in spellings),  # a name with its address
    )
    statement = (
        select(Sender.organisation_id, Sender.value, Sender.opt_out_hint)
        .where(
            Sender.channel == connection.channel,
            or_(is_it, *(hint.contains(each, autoescape=True) for each in spellings)),
        )
        .order_by(is_it.desc(), Sender.organisation_id, Sender.id)
        .limit(20 * _MOST_OWNERS)
    )
    if connection.organisation_id is not None:
        statement = statement.where(Sender.organisation_id == connection.organisation_id)
    return work.session.execute(statement).all()


def _is_named(said: str, hint: str) -> bool:
    """Return whether a text, or what follows its first word, stands in a hint."""
    phrase = _folded(said)[:120]
    return _is_within(phrase, hint) or _is_within(phrase.partition(" ")[2], hint)


def _is_within(phrase: str, hint: str) -> bool:
    """Return whether a hint holds a code or phrase as whole words."""
    folded = _folded(phrase)
    return bool(folded) and re.search(rf"(?<!\w){re.escape(folded)}(?!\w)", _folded(hint)) is not None


def _folded(said: str) -> str:
    return _SPACES.sub(" ", said.replace("\x00", "")).strip(" .!").casefold()


_LATELY = """
SELECT o.id AS organisation_id, m.id, m.campaign_id FROM pulse_organisation o
CROSS JOIN LATERAL (
    SELECT id, campaign_id FROM pulse_message
    WHERE organisation_id = o.id AND address = ANY(:addresses) AND channel = :channel AND id > :since
      AND (cast(:connection AS bigint) IS NULL OR connection_id = :connection)
    ORDER BY id DESC LIMIT 1) m
WHERE cast(:owners AS bigint[]) IS NULL OR o.id = ANY(:owners)
ORDER BY m.id DESC LIMIT :most
"""


def _wrote_lately(
    work: Work, connection: Connection, owners: Sequence[_Owner], channel: Channel, message: Inbound
) -> Sequence[Any]:
    """Return who wrote to this address lately, the last first: of the owners, or of all over this connection.

    One look at an index for each organisation.
    """
    return work.session.execute(
        text(_LATELY),
        {
            "addresses": sorted({message.address, _canonical(channel, message.address, "")}),
            "channel": channel.name,
            "since": ids.at(work.clock() - LOOK_BACK),
            "owners": [each.organisation_id for each in owners] or None,
            "connection": None if owners else connection.id,
            "most": _MOST_OWNERS,
        },
    ).all()


def _is_known(work: Work, connection_id: int, message: Inbound) -> bool:
    """Return whether a provider tells us again what it told us before."""
    if not message.reference:
        return False
    return (
        work.session.scalar(
            text(
                "SELECT 1 FROM pulse_inbound WHERE connection_id = :connection AND reference = :reference "
                "UNION ALL SELECT 1 FROM pulse_stray WHERE connection_id = :connection AND reference = :reference "
                "LIMIT 1"
            ),
            {"connection": connection_id, "reference": message.reference[:120]},
        )
        is not None
    )


def _canonical(channel: Channel, address: str, country: str) -> str:
    try:
        return channel.normalise(address, country)
    except Refused:
        return address[:320]
