"""Ways to pay: each a class with its typed settings, what it asks over the network, and how it proves a payment."""

from collections.abc import Mapping
from typing import Any

from connectpulse.core.api import PaymentGateway

from .bank import BankTransfer
from .base import Gateway
from .easypaisa import Easypaisa
from .jazzcash import JazzCash
from .payfast import PayFast
from .stripe import Stripe

CLASSES: tuple[type[Gateway], ...] = (BankTransfer, Stripe, JazzCash, Easypaisa, PayFast)


def offered() -> list[PaymentGateway]:
    """Return the gateways of this plugin, as the house knows them."""
    return [PaymentGateway(each.name, each.title, each.settings, _maker(each)) for each in CLASSES]


def _maker(cls: type[Gateway]) -> Any:
    def build(settings: Mapping[str, Any]) -> Gateway:
        return cls(settings)

    return build


__all__ = ["CLASSES", "Gateway", "offered"]
