"""Who must not be written to, and the acts that make or lift it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import and_, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from ..domain.contracts import Channel, Purpose
from ..errors import Refused
from ..storage.models import ANY, Address, Organisation, Suppression
from . import addresses, audit, contacts, erased, records
from .work import Work

OPTED_OUT = "opted_out"
REASONS = {
    OPTED_OUT: "Asked to stop",
    "complained": "Complained",
    "undeliverable": "Does not exist",
    "objected": "Objected to this use",
    "do_not_call": "On a do-not-call register",
    "erased": "Asked to be erased",
    "operator": "Decided by an administrator",
}


def add(
    work: Work, scheme: str, value: str, *, reason: str, source: str, channel: str = ANY, purpose: str = ANY
) -> bool:
    """Suppress a canonical address; return False if it was suppressed like this already."""
    statement = (
        insert(Suppression)
        .values(
            organisation_id=work.organisation_id,
            scheme=scheme,
            value=value,
            channel=channel,
            purpose=purpose,
            reason=reason,
            source=source[:200],
        )
        .on_conflict_do_nothing()
        .returning(Suppression.id)
    )
    new_id = work.session.scalar(statement)
    if new_id is None:
        return False
    audit.record(work, "suppression.created", records.find(work, Suppression, new_id), reason=reason, value=value)
    return True


def stop(work: Work, channel: Channel, address: str, *, source: str) -> bool:
    """Do what somebody asks who wants no more promotions at an address; return False if that was done before.

    Where the organisation shares opt-outs, it holds on every channel, and for the person's other addresses, too.
    """
    organisation = work.session.get(Organisation, work.organisation_id)
    is_everywhere = organisation is None or organisation.shares_opt_outs
    reach = ANY if is_everywhere else channel.name
    places = [(channel.scheme, address), *(_other_addresses(work, channel.scheme, address) if is_everywhere else ())]
    done = {
        place: add(work, *place, reason=OPTED_OUT, source=source, channel=reach, purpose=Purpose.PROMOTIONAL.value)
        for place in sorted(places)  # in one order, whichever address somebody stops from
    }
    return done[channel.scheme, address]


def _other_addresses(work: Work, scheme: str, value: str) -> list[tuple[str, str]]:
    """Return the other addresses of whoever an address belongs to."""
    here = Address.organisation_id == work.organisation_id
    owner = select(Address.contact_id).where(here, Address.scheme == scheme, Address.value == value).scalar_subquery()
    wanted = select(Address.scheme, Address.value).where(here, Address.contact_id == owner).limit(100)
    return [(row[0], row[1]) for row in work.session.execute(wanted) if (row[0], row[1]) != (scheme, value)]


def add_by_hand(work: Work, scheme: str, raw: str, channel: str, purpose: str, reason: str) -> bool:
    """Suppress an address a person typed in; raise Refused if it is none."""
    value = addresses.normalise(scheme, raw, contacts.region(work))
    return add(work, scheme, value, reason=reason, source=work.actor.name, channel=channel, purpose=purpose)


def change(work: Work, suppression_id: int, channel: str, purpose: str, reason: str) -> Suppression:
    """Change what a suppression covers and why; its address stays. Raises Refused for who was erased.

    Raises Refused, too, if there is one like this.
    """
    if reason not in REASONS:
        raise Refused("Choose a reason from the list.")
    row = records.find(work, Suppression, suppression_id, lock=True)
    if erased.REASON in (row.reason, reason) or row.value.startswith(erased.MARK):
        raise Refused("Who was erased stays suppressed everywhere. Lift it if its owner came back.")
    if (row.channel, row.purpose) != (channel, purpose):
        row.created_at = work.clock()  # what is queued already looks at newer ones only
    row.channel, row.purpose, row.reason = channel, purpose, reason
    return records.update(work, row, "suppression.updated")


def lift(work: Work, suppression_id: int) -> None:
    """Allow an address again; only a person does this, never an import. Who was erased is then no longer known."""
    row = records.find(work, Suppression, suppression_id)
    if row.value.startswith(erased.MARK):
        raise Refused("This person was erased. Nobody knows the address any more, so nobody can have agreed.")
    if row.reason == erased.REASON:
        erased.forget(work, work.organisation_id, row.scheme, row.value)
    records.delete(work, row, "suppression.deleted")


_RESTRICTED = """
SELECT DISTINCT a.value FROM pulse_address a JOIN pulse_contact c ON c.id = a.contact_id
WHERE a.organisation_id = :organisation AND a.scheme = :scheme AND a.value = ANY(:values)
  AND c.restricted_at IS NOT NULL
"""


_LIFT = "If its owner came back, lift that under Suppressions."
_UNRESTRICT = "Nothing goes there until that is lifted on the contact's page."


def objections(work: Work, channel: Channel, purpose: Purpose, values: Sequence[str]) -> list[str]:
    """Return one sentence per canonical address that nobody may write to: suppressed, restricted, or erased."""
    here = work.organisation_id
    barred = suppressed(work, channel.scheme, values, channel.name, [purpose.value])
    barred |= {value for _, value in erased.known(work, here, [(channel.scheme, value) for value in values])}
    facts = {"organisation": here, "scheme": channel.scheme, "values": list(values)}
    restricted = set(work.session.scalars(text(_RESTRICTED), facts))
    return [f"{value} is suppressed. {_LIFT}" for value in values if value in barred] + [
        f"The processing of {value} is restricted. {_UNRESTRICT}" for value in values if value in restricted
    ]


def of_contact(work: Work, contact_id: int) -> Sequence[Suppression]:
    """Return what keeps messages from a contact's addresses."""
    here = (Suppression.organisation_id == Address.organisation_id, Suppression.scheme == Address.scheme)
    same = select(Suppression).join(Address, and_(*here, Suppression.value == Address.value))
    return work.session.scalars(same.where(Address.contact_id == contact_id).order_by(Suppression.id).limit(20)).all()


def suppressed(work: Work, scheme: str, values: Sequence[str], channel: str, purposes: Iterable[str]) -> set[str]:
    """Return those of `values` that may not be written to on `channel` for any of `purposes`."""
    statement = select(Suppression.value).where(
        Suppression.scheme == scheme,
        Suppression.value.in_(values),
        or_(Suppression.channel == ANY, Suppression.channel == channel),
        or_(Suppression.purpose == ANY, Suppression.purpose.in_(list(purposes))),
    )
    return set(work.session.scalars(statement))
