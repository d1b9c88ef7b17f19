"""Who may do what on the pages of billing: the same people everywhere. Only pages import this."""

from collections.abc import Mapping

from connectpulse.web.pages import APPROVE, READ, WRITE

_PLATFORM, _FINANCE = "Platform administrator", "Finance auditor"
MANAGERS = ("Organisation administrator", "Billing manager")
"""Who looks after the money of an organisation."""

SELLING: Mapping[str, tuple[str, ...]] = {
    READ: (_PLATFORM, _FINANCE), WRITE: (_PLATFORM,), APPROVE: (_PLATFORM,),
}  # fmt: skip
"""What is sold, at which price, to whom, and what the books say."""

MANAGING: Mapping[str, tuple[str, ...]] = {READ: (*MANAGERS, _FINANCE), WRITE: MANAGERS}
"""An organisation's subscription, its invoices and what stands on them."""

LOOKING: Mapping[str, tuple[str, ...]] = {READ: (*MANAGERS, _FINANCE, "Campaign manager", "Analyst")}
"""What an organisation has and spends."""

BUYING: Mapping[str, tuple[str, ...]] = {
    READ: (_PLATFORM, *LOOKING[READ]), WRITE: (_PLATFORM, *MANAGERS),
}  # fmt: skip
"""An organisation's orders."""
