"""The routes of buying, and one of everything they show."""

from decimal import Decimal
from itertools import count
from typing import Any

from connectpulse_billing.buying import gates, orders, packages, taxes, vouchers
from connectpulse_billing.buying.order_models import Attempt, Proof
from connectpulse_billing.buying.orders import Line
from connectpulse_billing.buying.reach import everywhere, locked

from connectpulse.core.api import Work
from connectpulse.core.services import records
from connectpulse.core.storage.models import Organisation
from connectpulse.web.security.roles import APPROVE, READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _order(work: Work) -> int:
    owner = work.organisation
    if owner is None:
        made = Organisation(name=f"Buyer {next(_numbers)}", country="PK", timezone="UTC")
        owner = records.create(work, made, "organisation.created").id
    line = Line(title="Thousand", price=Decimal(10), units=Decimal(1000))
    return orders.place(
        work, lines=[line], currency="PKR", reference=f"matrix-{next(_numbers)}", organisation_id=owner
    ).id


def _package(work: Work) -> int:
    values: dict[str, Any] = {"name": f"Package {next(_numbers)}", "units": "1000", "price": "10", "currency": "PKR",
                              "place": 1, "is_offered": True, "valid_from": None, "valid_until": None,
                              "expires_days": None}  # fmt: skip
    return packages.save(work, None, values).id


def _tax(work: Work) -> int:
    values: dict[str, Any] = {"name": f"Tax {next(_numbers)}", "percent": "1", "valid_from": work.clock().date(),
                              "valid_until": None, "currency": "", "legal_entity_id": None}  # fmt: skip
    return taxes.save(work, None, values).id


def _voucher(work: Work) -> int:
    values = {"name": "Spring", "units": "1", "most_uses": 1, "expires_on": None, "units_expire_days": None}
    return vouchers.make(work, values)[0].id


def _gateway(work: Work) -> int:
    known = gates.row(work, "bank")
    values = {"bank": "HBL", "account_title": "Pulse", "account_number": "PK1", "more": ""}
    return known.id if known is not None else gates.save(work, "bank", values, is_open=True).id


def _proof(work: Work) -> int:
    _gateway(work)
    order_id = _order(work)
    with everywhere(work, "make a specimen"):
        order = locked(work, order_id)
        work.session.add(Attempt(organisation_id=order.organisation_id, order_id=order_id, gateway="bank",
                                 reference=f"M{order_id}", amount=order.total, currency="PKR", step={}))  # fmt: skip
        row = Proof(organisation_id=order.organisation_id, order_id=order_id, media_type="application/pdf", size=4,
                    digest="0" * 64, content={"base64": "JVBERg=="})  # fmt: skip
        return records.create(work, row, "billing.proof_uploaded").id


NOUNS = {
    "order": _order, "sale": _order, "package": _package, "tax": _tax, "voucher": _voucher, "way to pay": _gateway,
    "proof": _proof,
}  # fmt: skip
OF_THE_PLATFORM = frozenset({"sale", "package", "tax", "voucher", "way to pay", "proof"})

DOORS = {
    "BuyView.list": Door(READ, "Buying"),
    "BuyView.redeem": Door(WRITE, "Buying"),
    **{f"BuyView.{name}": Door(WRITE, "Buying", "package") for name in ("choose", "order")},
    "OrderView.list": Door(READ, "Buying"),
    "OrderView.show": Door(READ, "Buying", "order"),
    **{f"OrderView.{name}": Door(WRITE, "Buying", "order") for name in ("pay", "cancel", "prove")},
    "SaleView.list": Door(READ, "Selling"),
    "SaleView.show": Door(READ, "Selling", "sale"),
    "SaleView.refund": Door(WRITE, "Selling", "sale"),
    "TransferView.list": Door(READ, "Selling"),
    "TransferView.show": Door(READ, "Selling", "proof"),
    **{f"TransferView.{name}": Door(APPROVE, "Selling", "proof") for name in ("file", "approve", "refuse")},
    **{f"{view}.{name}": Door(READ, "Selling") for view in ("PackageView", "TaxView") for name in ("list", "lookup")},
    **{f"{view}.add": Door(WRITE, "Selling") for view in ("PackageView", "TaxView", "VoucherView", "GatewayView")},
    "PackageView.show": Door(READ, "Selling", "package"),
    "TaxView.show": Door(READ, "Selling", "tax"),
    **{f"PackageView.{name}": Door(WRITE, "Selling", "package") for name in ("edit", "delete")},
    **{f"TaxView.{name}": Door(WRITE, "Selling", "tax") for name in ("edit", "delete")},
    "VoucherView.list": Door(READ, "Selling"),
    "VoucherView.close": Door(WRITE, "Selling", "voucher"),
    "GatewayView.list": Door(READ, "Selling"),
    **{f"GatewayView.{name}": Door(WRITE, "Selling", "way to pay") for name in ("edit", "check")},
}
