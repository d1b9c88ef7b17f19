"""The ledger that core calls: prices, reserving, and settling what batches of messages became."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from connectpulse.core.api import Ledger, Movement, OutOfUnits, Pricer, Tariff, Work

from ..rates import prices
from . import balances, books, policies
from .books import ZERO, Posting
from .policies import ONLY_DELIVERED, Charges


class UnitLedger(Ledger):
    """Organisations have what was granted to them, and spend no more than that."""

    name = "billing"

    def pricer(self, work: Work, tariff: Tariff) -> Pricer:
        return prices.pricer(work, tariff)

    def price_version(self, work: Work, tariff: Tariff) -> str:
        return prices.price_version(work, tariff)

    def balance(self, work: Work, organisation_id: int) -> Decimal | None:
        return balances.of(work, organisation_id).available

    def hold(self, work: Work, organisation_id: int) -> Decimal | None:
        return books.hold(work, organisation_id).available

    def reserve(
        self, work: Work, tariff: Tariff, campaign_id: int | None, units: Decimal, *, day: date | None = None
    ) -> None:
        if campaign_id is not None:
            policies.freeze(work, tariff.organisation_id, campaign_id)
        if units == ZERO:
            return
        posting = Posting(
            organisation_id=tariff.organisation_id, kind="reserve", available=-units, reserved=units,
            campaign_id=campaign_id, channel=tariff.channel, day=day,
        )  # fmt: skip
        if not books.reserve(work, posting):
            raise OutOfUnits(units - books.hold(work, tariff.organisation_id).available)

    def settle(self, work: Work, movements: Sequence[Movement]) -> None:
        terms = policies.of_campaigns(work, {each.campaign_id for each in movements if each.campaign_id})
        found = [_posting(each, terms.get(each.campaign_id or 0, ONLY_DELIVERED)) for each in movements]
        postings = [each for each in found if not each.is_empty]
        takers = {each.organisation_id for each in postings if each.available < 0}
        givers = {each.organisation_id for each in postings if each.available > 0}
        apart = takers | books.indebted(work, givers - takers)
        books.append(work, [each for each in postings if each.organisation_id not in apart])
        # Always in the same order: two batches that need the same accounts must not wait for each other.
        for organisation_id in sorted(apart):
            _settle_held(work, organisation_id, [each for each in postings if each.organisation_id == organisation_id])


def _posting(movement: Movement, charges: Charges) -> Posting:
    """Return what a movement means: units leave where the messages had them, and come to where they now belong."""
    amounts = {"reserved": ZERO, "spent": ZERO}
    before = charges.place(movement.before, movement.cause_before)
    after = charges.place(movement.after, movement.cause_after)
    if before:
        amounts[before] -= movement.reserved
    if after:
        amounts[after] += movement.due
    return Posting(
        organisation_id=movement.organisation_id, kind="settle", campaign_id=movement.campaign_id,
        channel=movement.channel, before=int(movement.before), after=int(movement.after),
        messages=movement.messages, quantity=movement.quantity, day=movement.day,
        available=-amounts["reserved"] - amounts["spent"], reserved=amounts["reserved"], spent=amounts["spent"],
    )  # fmt: skip


def _settle_held(work: Work, organisation_id: int, postings: Sequence[Posting]) -> None:
    """Settle where units must be taken, or where the platform bears some: with the account's row held.

    What an organisation does not have is borne by the platform, and taken back from what is given back later.
    """
    held = books.hold(work, organisation_id)
    available, borne = held.available, held.borne
    for posting in postings:
        moved, ours = posting.available, ZERO
        if moved < 0:
            ours = -min(available, -moved) - moved
        elif borne > 0:
            ours = -min(borne, moved)
        moved, borne = moved + ours, borne + ours
        available += moved
        books.write(work, [books.split(posting, ours)])
        if moved < 0:
            books.take_from_lots(work, organisation_id, -moved)
        books.give_to_lots(work, organisation_id, max(moved, ZERO))
