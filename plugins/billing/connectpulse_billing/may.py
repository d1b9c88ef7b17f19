"""Who may do what on the pages of billing: the same people everywhere. Only pages import this."""

from collections.abc import Mapping

from connectpulse.web.pages import APPROVE, READ, WRITE

from .people import FINANCE, MANAGERS, PLATFORM

SELLING: Mapping[str, tuple[str, ...]] = {
    READ: (PLATFORM, FINANCE), WRITE: (PLATFORM,), APPROVE: (PLATFORM,),
}  # fmt: skip
"""What is sold, at which price, to whom, and what the books say."""

MANAGING: Mapping[str, tuple[str, ...]] = {READ: (*MANAGERS, FINANCE), WRITE: MANAGERS}
"""An organisation's subscription, its invoices and what stands on them."""

LOOKING: Mapping[str, tuple[str, ...]] = {READ: (*MANAGERS, FINANCE, "Campaign manager", "Analyst")}
"""What an organisation has and spends."""

OWING: Mapping[str, tuple[str, ...]] = {READ: LOOKING[READ], WRITE: MANAGERS}
"""What an organisation owes; who buys may settle it."""

BUYING: Mapping[str, tuple[str, ...]] = {
    READ: (PLATFORM, *LOOKING[READ]), WRITE: (PLATFORM, *MANAGERS),
}  # fmt: skip
"""An organisation's orders."""
