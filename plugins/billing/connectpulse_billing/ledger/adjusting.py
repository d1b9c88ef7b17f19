"""Giving or taking units by hand: one person asks and says why, another approves, and it is done then."""

from collections.abc import Mapping
from decimal import Decimal
from secrets import token_hex
from typing import Any

from sqlalchemy import text

from connectpulse.core.api import Act, Effect, Prospect, Refused, Work, four_eyes

from ..figures import spelt
from . import balances, grants
from .books import ZERO

ADJUST = "billing.adjust"
SOURCE = "adjustment"
_NAME = text("SELECT name FROM pulse_organisation WHERE id = :id")


def ask(work: Work, organisation_id: int, units: Decimal, reason: str) -> int:
    """Ask a second person to give units to an organisation, or to take some where less than zero; return the decision.

    Raises Refused without a reason, and while another adjustment of the organisation waits.
    """
    if units == ZERO or units != round(units, 4):
        raise Refused("Say how many units: more than none to give, less than none to take, with at most four places.")
    verb, amount = ("Give", units) if units > 0 else ("Take", -units)
    title = f"{verb} {amount.normalize():f} units, organisation {organisation_id}"
    facts = {"units": str(units), "why": reason, "key": token_hex(8)}
    return four_eyes.ask(work, ADJUST, organisation_id, title, reason, **facts).id


def _perform(work: Work, organisation_id: int, facts: Mapping[str, Any]) -> None:
    units = Decimal(facts["units"])
    if units > 0:
        grants.grant(work, organisation_id, units, SOURCE, facts["key"], reason=facts["why"])
    else:
        grants.withdraw(work, organisation_id, -units, SOURCE, facts["key"], facts["why"])


def _explain(work: Work, organisation_id: int, facts: Mapping[str, Any]) -> Prospect:
    name = work.session.scalar(_NAME, {"id": organisation_id})
    units, available = Decimal(facts["units"]), balances.of(work, organisation_id).available
    deed = f"{'given' if units > 0 else 'taken'}: {spelt(abs(units))}"
    effects = (
        Effect(f"Units of {name}", deed, f"At once. Available now: {spelt(available)}."),
        Effect("What is booked, by whom and why", "kept", "An entry in the ledger is never changed."),
    )
    return Prospect(effects)


ACT = Act(ADJUST, "Give or take units by hand", "Accounts of units", _perform, explain=_explain)
