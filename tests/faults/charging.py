"""Whether every message of a trial was paid for once: the messages on one side, the books on the other."""

from decimal import Decimal
from typing import TYPE_CHECKING

from connectpulse_billing.ledger import balances, checking, reconciling
from sqlalchemy import text

from bench.scene import Scene
from connectpulse.testing.factories import ADMINISTRATOR

if TYPE_CHECKING:
    from .trial import Verdict

_BOOKED = text("SELECT sum(reserved), sum(spent) FROM billing_entry WHERE campaign_id = :campaign")
_COUNTED = text(
    "SELECT coalesce(sum(units) FILTER (WHERE state < 10), 0), "
    "coalesce(sum(units) FILTER (WHERE state IN (20, 21)), 0), count(*) FILTER (WHERE state IN (20, 21)) "
    "FROM pulse_message WHERE campaign_id = :campaign"
)


def judge(stage: Scene, campaign_id: int, verdict: "Verdict") -> None:
    """Write down what is charged twice, what is final and not settled, and what does not add up."""
    with stage.house.work(ADMINISTRATOR) as work:
        reserved, spent = work.session.execute(_BOOKED, {"campaign": campaign_id}).one()
        open_units, delivered_units, delivered = work.session.execute(_COUNTED, {"campaign": campaign_id}).one()
        verdict.charged_twice = int(max(spent - delivered_units, Decimal(0)))
        verdict.unsettled = int(max(reserved - open_units, Decimal(0)))
        verdict.faults += checking.faults(work)
        verdict.faults += [f"Reconciliation: {each}" for each in reconciling.compare(work)]
        if (reserved, spent) != (open_units, delivered_units):
            verdict.faults.append(
                f"Broken promise: {spent} units are spent and {reserved} set aside; {delivered} delivered messages "
                f"cost {delivered_units}, open ones {open_units}."
            )
        balance = balances.of(work, stage.line.organisation)
        if (balance.reserved, balance.spent) != (reserved, spent):
            verdict.faults.append(f"The totals say {balance}, the entries {reserved} set aside and {spent} spent.")
