"""The pages of buying."""

from collections.abc import Sequence

from connectpulse.core.api import View

from .buy import BuyView
from .gateways import GatewayView
from .orders import OrderView
from .parts import BUYERS, SELLERS
from .sales import SaleView
from .shop import PackageView, TaxView, VoucherView
from .transfers import TransferView


def views() -> Sequence[View]:
    """Return the pages with their places in the menu."""
    return (
        View(BuyView, "Buy units", "Billing", "fa-cart-shopping", BUYERS),
        View(OrderView, "Orders", "Billing", "fa-receipt", BUYERS),
        View(SaleView, "Sales", "Billing", "fa-cash-register", SELLERS),
        View(TransferView, "Transfers", "Billing", "fa-building-columns", SELLERS),
        View(PackageView, "Packages", "Billing", "fa-box", SELLERS),
        View(TaxView, "Taxes", "Billing", "fa-percent", SELLERS),
        View(VoucherView, "Vouchers", "Billing", "fa-ticket", SELLERS),
        View(GatewayView, "Ways to pay", "Billing", "fa-credit-card", SELLERS),
    )
