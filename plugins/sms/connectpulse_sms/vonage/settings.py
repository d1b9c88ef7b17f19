"""What an administrator is asked for: the account, which interface, and how callbacks prove themselves."""

from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Field, Form, Kind

from ..hosted.settings import base_faults

SMS, MESSAGES = "sms", "messages"
BASES: Final = {SMS: "https://rest.nexmo.com", MESSAGES: "https://api.nexmo.com"}

_METHODS = (
    ("md5hash", "MD5 hash"),
    ("md5", "MD5 HMAC"),
    ("sha1", "SHA-1 HMAC"),
    ("sha256", "SHA-256 HMAC"),
    ("sha512", "SHA-512 HMAC"),
)

FORM: Final[Form] = (
    Field("interface", "Interface", Kind.CHOICE, "The one the account uses for SMS: its API settings say which.",
          default=SMS, choices=((SMS, "SMS API"), (MESSAGES, "Messages API")), group="Account"),
    Field("account", "API key", help="Eight letters and digits; Vonage's name for the account.", is_required=True,
          group="Account"),
    Field("api_secret", "API secret", Kind.SECRET, is_required=True, group="Account"),
    Field("signature_secret", "Signature secret", Kind.SECRET, "Callbacks are signed with it. Without it, or where "
          "signed webhooks are switched off at Vonage, no receipts and replies are taken.", group="Callbacks"),
    Field("signature_method", "Signature method", Kind.CHOICE, "Of the SMS API, as its settings say.",
          default="md5hash", choices=_METHODS, group="Callbacks", only=("interface", (SMS,))),
    Field("sign_requests", "Sign messages", Kind.SWITCH, "Prove messages of the SMS API by a signature instead of the "
          "API secret.", default=False, group="Callbacks", only=("interface", (SMS,))),
    Field("base_url", "Address", help="Empty: rest.nexmo.com for the SMS API, api.nexmo.com for the Messages API.",
          group="Network"),
    Field("countries", "Countries", help="Where Vonage processes the messages, for your privacy notice: ISO codes.",
          default="US", group="Network"),
    Field("timeout", "Longest wait for an answer, seconds", Kind.NUMBER, default=30, low=1, high=120,
          group="Network"),
)  # fmt: skip

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Vonage SMS API": {"interface": SMS, "base_url": BASES[SMS]},
    "Vonage Messages API": {"interface": MESSAGES, "base_url": BASES[MESSAGES]},
}


def base_of(settings: Mapping[str, Any]) -> str:
    """Return the address of the interface in use."""
    return settings["base_url"] or BASES[settings["interface"]]


def faults(settings: Mapping[str, Any]) -> list[str]:
    """Return one sentence per setting that cannot be right."""
    found = base_faults(base_of(settings), settings["countries"])
    if settings["sign_requests"] and not settings["signature_secret"]:
        found.append("Sign messages: fill in the signature secret, too.")
    return found
