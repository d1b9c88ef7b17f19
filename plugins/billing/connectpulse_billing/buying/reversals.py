"""Money that goes back: refunds and disputes take back the units that were granted for it, in proportion."""

from decimal import Decimal

import structlog
from sqlalchemy import select

from connectpulse.core.api import Refused, Work, audit, notices

from ..figures import spelt
from ..ledger import grants, owing
from ..people import MANAGERS
from . import money, settled
from .order_models import Order, OrderLine, Reversal
from .orders import grant_reference
from .reach import everywhere, locked
from .states import SETTLED, OrderState, may_become

log = structlog.get_logger(__name__)

ASKED, DISPUTED, DONE, WON = "asked", "disputed", "done", "won"


def mark_reversed(
    work: Work,
    order_id: int,
    *,
    source: str,
    reference: str,
    amount: Decimal,
    currency: str,
    reason: str = "",
    is_final: bool = True,
) -> bool:
    """Take note that a sum of an order went back; return True once per source and reference.

    The units that the sum stands for are taken back, as far as they are still there; what was spent already is
    kept as owed for a person to decide. A dispute that is open is not final: its units are taken back at once,
    the documents follow when it is lost. Raises Refused for an order that was not paid, and for another currency.
    """
    with everywhere(work, "take back a payment"):
        order = locked(work, order_id)
        row = _known(work, order, source, reference)
        if row is not None and row.state != ASKED:
            return _settle_dispute(work, order, row) if is_final and row.state == DISPUTED else False
        if OrderState(order.state) not in SETTLED:
            raise Refused("An order that was not paid cannot be paid back.")
        if currency != order.currency:
            raise Refused(f"The order was paid in {order.currency}, not in {currency}.")
        amount = min(amount, order.total - order.reversed)
        if row is None:
            row = Reversal(organisation_id=order.organisation_id, order_id=order.id, source=source,
                           reference=reference[:200], currency=currency, reason=reason[:500])  # fmt: skip
            work.session.add(row)
        row.amount, row.state, row.due_at = amount, DONE if is_final else DISPUTED, None
        row.units = row.owed = Decimal(0)
        work.session.flush()
        _take_back(work, order, row)
        _move(order, order.reversed + amount)
        work.session.flush()
        audit.record(work, "billing.order_reversed", order, source=source, amount=amount, owed=row.owed)
        if row.owed:
            log.warning("units_owed", order=order.id, units=str(row.owed))
            notices.post(
                work, "billing.owed", f"{spelt(row.owed)} units are owed",
                f"Money of {order} went back after its units were spent. Owed units says how to settle it.",
                roles=MANAGERS, organisation_id=order.organisation_id, level="warning", is_binding=True,
                link="/billing/owed/list/", key=f"billing.owed/{row.id}",
            )  # fmt: skip
        if is_final:
            _tell(work, order, row)
        return True


def mark_won(work: Work, order_id: int, *, source: str, reference: str) -> bool:
    """Take note that a dispute was won, or that a refund came back: its units are given again, once.

    One that is not known yet is written down as won, so that the news of its beginning changes nothing.
    """
    with everywhere(work, "give back disputed units"):
        order = locked(work, order_id)
        row = _known(work, order, source, reference)
        if row is None:
            row = Reversal(
                organisation_id=order.organisation_id, order_id=order.id, source=source, reference=reference[:200],
                amount=Decimal(0), currency=order.currency, state=WON,
            )  # fmt: skip
            work.session.add(row)
            work.session.flush()
            return False
        if row.state == WON:
            return False
        row.state = WON
        back = row.units + sum((_forgiven(work, order, line, row) for line in order.lines), Decimal(0))
        if back:
            grants.grant(work, order.organisation_id, back, "order", f"{order.id}/won/{row.id}",
                         reason="A dispute was decided in your favour")  # fmt: skip
        _move(order, order.reversed - row.amount)
        row.owed = Decimal(0)
        work.session.flush()
        audit.record(work, "billing.dispute_won", order, amount=row.amount)
        return True


def of(work: Work, order: Order) -> list[Reversal]:
    """Return what went back of an order, the oldest first."""
    return list(work.session.scalars(select(Reversal).where(Reversal.order_id == order.id).order_by(Reversal.id)))


def _known(work: Work, order: Order, source: str, reference: str) -> Reversal | None:
    wanted = select(Reversal).where(
        Reversal.order_id == order.id, Reversal.source == source, Reversal.reference == reference[:200]
    )
    return work.session.scalars(wanted).one_or_none()


def _settle_dispute(work: Work, order: Order, row: Reversal) -> bool:
    row.state = DONE
    work.session.flush()
    _tell(work, order, row)
    return True


def _take_back(work: Work, order: Order, row: Reversal) -> None:
    """Take the units of a sum: the share of all that went back by now, less what went back before."""
    before, now = order.reversed, order.reversed + row.amount
    for line in order.lines:
        due = _share(line, now, order.total) - _share(line, before, order.total)
        if due > 0:
            owed = grants.reverse(
                work, order.organisation_id, "order", grant_reference(line), due, f"{row.source} of {order}",
                key=str(row.id),
            )  # fmt: skip
            row.units += due - owed
            row.owed += owed


def _forgiven(work: Work, order: Order, line: OrderLine, row: Reversal) -> Decimal:
    """End what is owed for a line; return the units that were given to settle it."""
    return owing.won(work, order.organisation_id, "order", f"{grant_reference(line)}/{row.id}")


def _share(line: OrderLine, part: Decimal, of: Decimal) -> Decimal:
    return money.share(line.units, part, of) if of else Decimal(0)


def _move(order: Order, back: Decimal) -> None:
    order.reversed = back
    state = OrderState.REVERSED if back >= order.total else OrderState.PART_REVERSED if back > 0 else OrderState.PAID
    if state.value != order.state and not may_become(OrderState(order.state), state):
        raise Refused(f"An order that is {order.state} cannot become {state}.")
    order.state = state.value


def _tell(work: Work, order: Order, row: Reversal) -> None:
    for each in settled.REVERSED:
        each(work, order, row.amount, row.reason or row.source)
