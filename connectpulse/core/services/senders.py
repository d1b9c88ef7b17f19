"""Senders: the masks, numbers and identities an organisation may appear as."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select

from ..domain.contracts import Purpose, SenderKind
from ..errors import Refused
from ..storage.models import Sender
from . import records
from .work import Work


def create(
    work: Work,
    channel: str,
    kind: str,
    value: str,
    *,
    purposes: Sequence[str],
    valid_until: date | None = None,
    opt_out_hint: str = "",
    approvals: Sequence[dict[str, str]] = (),
) -> Sender:
    """Add a sender; raise Refused if its channel would not carry it."""
    sender = Sender(channel=channel, kind=kind, value=value.strip())
    _write(work, sender, purposes, valid_until, opt_out_hint, approvals)
    return records.create(work, sender, "sender.created")


def change(
    work: Work,
    sender_id: int,
    *,
    purposes: Sequence[str],
    valid_until: date | None,
    opt_out_hint: str,
    approvals: Sequence[dict[str, str]],
    is_active: bool,
) -> Sender:
    """Change what a sender is approved for; its value stays, because messages carry it."""
    sender = records.find(work, Sender, sender_id, lock=True)
    sender.is_active = is_active
    _write(work, sender, purposes, valid_until, opt_out_hint, approvals)
    return records.update(work, sender, "sender.updated")


def kind_held(work: Work, organisation_id: int, channel: str, value: str) -> str:
    """Return the kind of the organisation's sender of this value, empty where it has none of it."""
    statement = select(Sender.kind).where(
        Sender.organisation_id == organisation_id, Sender.channel == channel, Sender.value == value
    )
    return work.session.scalars(statement.limit(1)).first() or ""


def objection(sender: Sender, purpose: Purpose, today: date) -> str | None:
    """Return why `sender` may not be used for `purpose` today, None if it may."""
    if not sender.is_active:
        return f"The sender {sender.value} is switched off."
    if sender.valid_until is not None and sender.valid_until < today:
        return f"The approval of the sender {sender.value} ended on {sender.valid_until:%d %B %Y}."
    ended = expired(sender, today)
    if ended and len(ended) == len(sender.approvals):
        return f"The approvals of the sender {sender.value} have ended: {', '.join(ended)}."
    if purpose.value not in sender.purposes:
        return f"The sender {sender.value} is not approved for {purpose.value} messages."
    return None


def expired(sender: Sender, today: date) -> list[str]:
    """Return the operators whose approval of `sender` has ended, with the day."""
    found = []
    for each in sender.approvals or []:
        try:
            ends = date.fromisoformat(each.get("valid_until") or "9999-12-31")
        except ValueError:
            continue
        if ends < today:
            found.append(f"{each.get('operator', '')} on {ends:%d %B %Y}")
    return found


def bare(value: str) -> str:
    """Return an identity as it is compared: numbers are written with and without a plus, addresses with a name."""
    written = value.strip().lower()
    alone = written.rpartition("<")[2][:-1] if written.endswith(">") else written
    return alone.removeprefix("+")


def usable(work: Work, channel: str) -> list[Sender]:
    """Return the active senders of a channel."""
    statement = select(Sender).where(Sender.channel == channel, Sender.is_active).order_by(Sender.value)
    return list(work.session.scalars(statement.limit(500)))


def kind_of(work: Work, channel: str, name: str) -> SenderKind:
    """Return a channel's sender kind by name; raise Refused if it has none like this."""
    for kind in work.registry.channel(channel).sender_kinds:
        if kind.name == name:
            return kind
    raise Refused(f"{name!r} is not a kind of sender on this channel.")


def _write(
    work: Work,
    sender: Sender,
    purposes: Sequence[str],
    valid_until: date | None,
    opt_out_hint: str,
    approvals: Sequence[dict[str, str]],
) -> None:
    fault = kind_of(work, sender.channel, sender.kind).check(sender.value)
    if fault:
        raise Refused(fault)
    unknown = sorted(set(purposes) - {purpose.value for purpose in Purpose})
    if unknown or not purposes:
        raise Refused("Choose what the sender is approved for: promotional, transactional, or both.")
    sender.purposes = sorted(set(purposes))
    sender.valid_until = valid_until
    sender.opt_out_hint = opt_out_hint.strip()
    sender.approvals = [_approval(each) for each in approvals]


def _approval(given: Mapping[str, str]) -> dict[str, str]:
    """Return an operator's approval with its dates checked; raise Refused saying what is wrong with it."""
    operator = given.get("operator", "").strip()
    if not operator:
        raise Refused("Approvals: name the operator first, like: Jazz, 2026-01-05, 2027-01-04")
    days = {}
    for name, label in (("approved_on", "approved on"), ("valid_until", "valid until")):
        said = given.get(name, "").strip()
        if said:
            try:
                days[name] = date.fromisoformat(said).isoformat()
            except ValueError:
                raise Refused(f"Approvals: {operator}, {label}: {said[:20]!r} is no date like 2026-01-05.") from None
    if days.get("approved_on", "") > days.get("valid_until", "9999-12-31"):
        raise Refused(f"Approvals: {operator}: the approval ends before it begins.")
    return {"operator": operator[:80], **days}
