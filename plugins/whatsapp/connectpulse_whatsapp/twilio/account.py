"""The account of the stand-in (`peer`), and the settings that reach it."""

from typing import Any, Final

from .settings import BASE, CONTENT

ACCOUNT: Final = "AC" + "0" * 32
TOKEN: Final = "trial-auth-token"  # noqa: S105 - of an account that leads nowhere


def settings(address: str = "") -> dict[str, Any]:
    """Return the settings of a connection to the stand-in at `address`, to Twilio itself where it is empty."""
    at = {"base_url": address or BASE, "content_url": address or CONTENT}
    return {"account_sid": ACCOUNT, "auth_token": TOKEN, "countries": "US, IE", **at}
