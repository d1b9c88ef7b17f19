"""What the pages of buying share: who may do what, where their templates are, and how things are shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import current_app

from connectpulse.web.pages import APPROVE, READ, WRITE, badge

from ..payments import Site
from ..states import TITLES, OrderState

BUYING, SELLING = "Buying", "Selling"
TEMPLATES = str(Path(__file__).parent.parent / "templates")

_PLATFORM, _HERE = "Platform administrator", "Organisation administrator"
_BUYER, _FINANCE = "Billing manager", "Finance auditor"
BUYERS: Mapping[str, tuple[str, ...]] = {
    READ: (_PLATFORM, _HERE, _BUYER, "Campaign manager", "Analyst"),
    WRITE: (_PLATFORM, _HERE, _BUYER),
}
"""Who sees an organisation's orders, and who buys."""
SELLERS: Mapping[str, tuple[str, ...]] = {
    READ: (_PLATFORM, _FINANCE),
    WRITE: (_PLATFORM,),
    APPROVE: (_PLATFORM,),
}
"""Who says what is sold and how it is paid, and approves transfers."""


def state_badge(state: str) -> Any:
    """Return an order's state as a mark."""
    return badge(*TITLES[OrderState(state)])


def site() -> Site:
    """Return where this site is on the network."""
    return Site(current_app.extensions["pulse_house"].settings.public_url)
