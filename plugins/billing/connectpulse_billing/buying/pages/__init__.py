"""The pages of buying."""

from collections.abc import Sequence

from connectpulse.core.api import View

from ... import may
from .buy import BuyView
from .gateways import GatewayView
from .orders import OrderView
from .sales import SaleView
from .shop import PackageView, TaxView, VoucherView
from .transfers import TransferView


def views() -> Sequence[View]:
    """Return the pages with their places in the menu."""
    return (
        View(BuyView, "Buy units", "Billing", "fa-cart-shopping", may.BUYING),
        View(OrderView, "Orders", "Billing", "fa-receipt", may.BUYING),
        View(SaleView, "Sales", "Billing", "fa-cash-register", may.SELLING),
        View(TransferView, "Transfers", "Billing", "fa-building-columns", may.SELLING),
        View(PackageView, "Packages", "Billing", "fa-box", may.SELLING),
        View(TaxView, "Taxes", "Billing", "fa-percent", may.SELLING),
        View(VoucherView, "Vouchers", "Billing", "fa-ticket", may.SELLING),
        View(GatewayView, "Ways to pay", "Billing", "fa-credit-card", may.SELLING),
    )
