"""Who looks after money, by the names of their roles: for pages, and for what people are told."""

PLATFORM, FINANCE = "Platform administrator", "Finance auditor"
OPERATORS = (PLATFORM, FINANCE)
"""Who looks after the money of the platform."""
MANAGERS = ("Organisation administrator", "Billing manager")
"""Who looks after the money of an organisation."""
