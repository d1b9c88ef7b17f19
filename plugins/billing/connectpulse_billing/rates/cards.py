"""Rate cards: made, given to organisations and plans, drafted, published.

A card is changed by a draft: a copy of its newest version that becomes the next one at a time of one's
choice. All work on cards is the platform's; every act is audited.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, text, update

from connectpulse.core.api import Refused, Work, records

from .models import PlanRates, Rate, RateCard, RateHolding, RateVersion

SOON = timedelta(minutes=1)
"""How far in the past a time of publishing may lie, because a person typed it."""
COLUMNS = (Rate.channel, Rate.prefix, Rate.sender_kind, Rate.category, Rate.per, Rate.units)


def create(work: Work, name: str) -> RateCard:
    """Make a card without prices; raise Refused if its name is taken. The first card is the default."""
    is_first = work.session.scalars(select(RateCard.id).limit(1)).first() is None
    return records.create(work, RateCard(name=_named(name), is_default=is_first), "billing.rate_card.created")


def rename(work: Work, card_id: int, name: str) -> RateCard:
    """Give a card another name."""
    card = records.find(work, RateCard, card_id, lock=True)
    card.name = _named(name)
    return records.update(work, card, "billing.rate_card.renamed")


def make_default(work: Work, card_id: int) -> None:
    """Let this card hold for whoever has no other; the one before it does no longer."""
    card = records.find(work, RateCard, card_id, lock=True)
    if card.is_default:
        return
    work.session.execute(update(RateCard).where(RateCard.is_default).values(is_default=False))
    card.is_default = True
    records.update(work, card, "billing.rate_card.made_default")


def remove(work: Work, card_id: int) -> None:
    """Delete a card that never had prices; raise Refused for others, which are kept by statute."""
    card = records.find(work, RateCard, card_id, lock=True)
    if published(work, card_id):
        raise Refused("This card has prices that were in force, which are kept. Give it to nobody instead.")
    work.session.execute(delete(RateVersion).where(RateVersion.card_id == card_id))
    records.delete(work, card, "billing.rate_card.deleted")


def give(work: Work, organisation_id: int, card_id: int | None) -> None:
    """Let an organisation have this card of its own, or none."""
    holding = work.session.scalars(
        select(RateHolding).where(RateHolding.organisation_id == organisation_id).with_for_update()
    ).first()
    if card_id is None:
        if holding is not None:
            records.delete(work, holding, "billing.rate_card.taken")
        return
    card = records.find(work, RateCard, card_id)
    if holding is None:
        made = RateHolding(organisation_id=organisation_id, card_id=card_id)
        records.create(work, made, "billing.rate_card.given", card=card.name)
    elif holding.card_id != card_id:
        holding.card_id = card_id
        records.update(work, holding, "billing.rate_card.given", card=card.name)


def give_plan(work: Work, plan_id: int, card_id: int | None) -> None:
    """Let a plan come with this card, or with none."""
    work.session.execute(delete(PlanRates).where(PlanRates.plan_id == plan_id))
    if card_id is not None:
        card = records.find(work, RateCard, card_id)
        records.create(
            work, PlanRates(plan_id=plan_id, card_id=card_id), "billing.rate_card.given_plan", card=card.name
        )


def published(work: Work, card_id: int) -> list[RateVersion]:
    """Return the published versions of a card, the newest first."""
    statement = select(RateVersion).where(RateVersion.card_id == card_id, RateVersion.published_at.is_not(None))
    return list(work.session.scalars(statement.order_by(RateVersion.number.desc()).limit(100)))


def draft(work: Work, card_id: int) -> RateVersion | None:
    """Return the version of a card that is being written, None if there is none."""
    statement = select(RateVersion).where(RateVersion.card_id == card_id, RateVersion.published_at.is_(None))
    return work.session.scalars(statement).first()


def begin_draft(work: Work, card_id: int, *, is_empty: bool = False) -> RateVersion:
    """Return the card's draft; make one of its newest prices, or an empty one, where there is none."""
    card = records.find(work, RateCard, card_id, lock=True)
    found = draft(work, card_id)
    if found is not None:
        return found
    newest = next(iter(published(work, card_id)), None)
    number = (work.session.scalar(select(func.max(RateVersion.number)).where(RateVersion.card_id == card.id)) or 0) + 1
    made = records.create(work, RateVersion(card_id=card_id, number=number, card=card), "billing.rate_card.drafted")
    if newest is not None and not is_empty:
        copied = select(text(str(int(made.id))), *COLUMNS).where(Rate.version_id == newest.id)
        names = ["version_id", *(column.key for column in COLUMNS)]
        work.session.execute(insert(Rate).from_select(names, copied))
    return made


def discard(work: Work, version_id: int) -> None:
    """Throw a draft away."""
    version = editable(work, version_id)
    records.delete(work, version, "billing.rate_card.discarded")


def editable(work: Work, version_id: int) -> RateVersion:
    """Return a draft, locked; raise Refused for a version that was published."""
    version = records.find(work, RateVersion, version_id, lock=True)
    if version.published_at is not None:
        raise Refused("Published prices are never changed. Begin a draft for the next version.")
    return version


def publish(work: Work, version_id: int, begins_at: datetime | None = None, ends_at: datetime | None = None) -> None:
    """Let a draft hold from `begins_at` (None: now) on; the version before it ends then.

    Raises Refused for a time that is over, for an empty draft, and where another version begins later.
    Quotes made at the prices before are void from `begins_at` on; campaigns that were launched keep theirs.
    """
    version = editable(work, version_id)
    card = records.find(work, RateCard, version.card_id, lock=True)
    now = work.clock()
    begins = now if begins_at is None or now - SOON <= begins_at < now else begins_at
    faults = list(_objections(work, version, now, begins, ends_at))
    if faults:
        raise Refused(*faults)
    work.session.execute(
        update(RateVersion)
        .where(
            RateVersion.card_id == card.id,
            RateVersion.published_at.is_not(None),
            RateVersion.valid_from < begins,
            RateVersion.valid_to.is_(None),
        )
        .values(valid_to=begins)
    )
    version.valid_from, version.valid_to, version.published_at = begins, ends_at, now
    records.update(work, version, "billing.rate_card.published")


def _objections(
    work: Work, version: RateVersion, now: datetime, begins: datetime, ends: datetime | None
) -> Iterator[str]:
    if begins < now:
        yield "Prices cannot begin in the past. Choose a time that is still to come."
    if ends is not None and ends <= begins:
        yield "The prices would end before they begin. Choose a later end, or none."
    if work.session.scalars(select(Rate.id).where(Rate.version_id == version.id).limit(1)).first() is None:
        yield "There is no rate in this draft. Add one, or upload a file."
    for other in published(work, version.card_id):
        assert other.valid_from is not None
        if other.valid_from >= begins:
            yield (f"Version {other.number} begins on {other.valid_from:%d %B %Y at %H:%M} UTC. Choose a later time.")
        elif other.valid_to is not None and other.valid_to > begins:
            yield f"Version {other.number} ends on {other.valid_to:%d %B %Y at %H:%M} UTC. Begin then or later."


def _named(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 120:
        raise Refused("Give the card a name of at most 120 characters.")
    return clean


def organisation_name(work: Work, organisation_id: int) -> str:
    """Return an organisation's name."""
    name = text("SELECT name FROM pulse_organisation WHERE id = :id")
    return str(work.session.scalar(name, {"id": organisation_id}) or organisation_id)


def country_of(work: Work) -> str:
    """Return the country that the work's organisation writes numbers of without a country code."""
    country = text("SELECT country FROM pulse_organisation WHERE id = :id")
    return str(work.session.scalar(country, {"id": work.organisation_id}))
