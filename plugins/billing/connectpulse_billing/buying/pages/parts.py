"""What the pages of buying share: where their templates are, and how things are shown."""

from pathlib import Path
from typing import Any

from flask import current_app

from connectpulse.web.pages import badge

from ..payments import Site
from ..states import TITLES, OrderState

BUYING, SELLING = "Buying", "Selling"
TEMPLATES = str(Path(__file__).parent.parent / "templates")


def state_badge(state: str) -> Any:
    """Return an order's state as a mark."""
    return badge(*TITLES[OrderState(state)])


def site() -> Site:
    """Return where this site is on the network."""
    return Site(current_app.extensions["pulse_house"].settings.public_url)
