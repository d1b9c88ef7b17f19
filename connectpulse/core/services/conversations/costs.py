"""What a message in a conversation costs, and whether that can be paid."""

from ...domain.contracts import Measure, Tariff, Unpriced
from ...errors import Refused
from .. import senders
from ..work import Work
from .ways import PURPOSE, Way


def figures(work: Work, way: Way, sender: str, category: str, measure: Measure) -> list[tuple[str, str]]:
    """Return the units of a message as a figure, none where nothing is metered.

    Raises Refused where no price covers it, and where fewer units are left.
    """
    ledger, here = work.registry.ledger, work.organisation_id
    kind = senders.kind_held(work, here, way.channel.name, sender)
    tariff = Tariff(here, way.channel.name, PURPOSE, sender, category, kind)
    try:
        units = ledger.pricer(work, tariff)(way.address, measure).units
    except Unpriced as gap:
        raise Refused(f"There is no price for destinations beginning with {gap.prefix}.") from None
    if not ledger.is_metered:
        return []
    left = ledger.balance(work, here)
    if left is not None and left < units:
        raise Refused(f"It takes {units.normalize():f} units, and {left.normalize():f} are left. Buy units first.")
    return [("Units", f"{units.normalize():f}")]
