"""The routes of units and of what does not agree."""

from decimal import Decimal
from itertools import count

from connectpulse_billing.ledger import grants

from connectpulse.core.api import Work
from connectpulse.core.services import records
from connectpulse.core.storage.models import Organisation
from connectpulse.web.security.roles import READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _account(work: Work) -> int:
    made = Organisation(name=f"Account {next(_numbers)}", country="PK", timezone="UTC")
    organisation_id = records.create(work, made, "organisation.created").id
    grants.grant(work, organisation_id, Decimal(1), "order", "1")
    return organisation_id


NOUNS = {"account of units": _account}
OF_THE_PLATFORM = frozenset({"account of units"})

DOORS = {
    **{f"UnitsView.{name}": Door(READ, "Units") for name in ("list", "statement")},
    "LotView.list": Door(READ, "Units"),
    **{f"UnitAccountView.{name}": Door(READ, "Accounts of units") for name in ("list", "lookup")},
    "ChargingView.list": Door(READ, "Charging policies"),
    "ChargingView.add": Door(WRITE, "Charging policies"),
    "UnitAccountView.edit": Door(WRITE, "Accounts of units", "account of units"),
    "OwedView.list": Door(READ, "Owed units"),
    "OwedView.settle": Door(WRITE, "Owed units"),
    "OwingView.list": Door(READ, "Owing organisations"),
    "OwingView.show": Door(READ, "Owing organisations", "account of units"),
    "OwingView.waive": Door(WRITE, "Owing organisations", "account of units"),
    "DifferenceView.list": Door(READ, "Reconciliation"),
}
