"""The routes of units and of what does not agree."""

from connectpulse.web.security.roles import READ
from tests.house.declared import Door

DOORS = {
    **{f"UnitsView.{name}": Door(READ, "Units") for name in ("list", "statement")},
    "LotView.list": Door(READ, "Units"),
    "DifferenceView.list": Door(READ, "Reconciliation"),
}
