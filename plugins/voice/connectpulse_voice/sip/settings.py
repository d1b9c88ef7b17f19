"""What a SIP connection is told about its trunk."""

import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final

from connectpulse.core.api import Field, Form, Kind

_CODECS: Final = {
    "pcmu": ("pcmu", "pcma"),
    "pcma": ("pcma", "pcmu"),
}

FORM: Final[Form] = (
    Field("host", "Host", Kind.HOST, "Of the trunk or exchange, like sip.example.com.", is_required=True),
    Field("port", "Port", Kind.NUMBER, "5060 mostly, 5061 with TLS.", default=5060, low=1, high=65535),
    Field(
        "transport",
        "Transport",
        Kind.CHOICE,
        default="udp",
        choices=(("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS")),
    ),
    Field("user", "User", help="Empty where the trunk knows us by our address."),
    Field("password", "Password", Kind.SECRET),
    Field("registers", "Register", Kind.SWITCH, "Sign in with the exchange, as a telephone does.", default=False),
    Field(
        "caller_id",
        "Caller id",
        help="Shown instead of the campaign's sender, where the trunk takes only its own number.",
        high=40,
        group="Numbers",
    ),
    Field(
        "plus",
        "Numbers begin with",
        Kind.CHOICE,
        default="plus",
        choices=(("plus", "+"), ("none", "nothing"), ("zeros", "00")),
        group="Numbers",
    ),
    Field("prefix", "Prefix", help="Digits that the trunk wants before every number.", high=12, group="Numbers"),
    Field(
        "codec",
        "Codec",
        Kind.CHOICE,
        default="pcma",
        choices=(("pcma", "G.711 A-law first"), ("pcmu", "G.711 µ-law first")),
        group="Line",
    ),
    Field(
        "asks_for_life",
        "Ask for life",
        Kind.SWITCH,
        "Before calls and now and then: OPTIONS. Off for a trunk that does not answer it.",
        default=True,
        group="Line",
    ),
)

_PLUS: Final = {"plus": "+", "none": "", "zeros": "00"}
_SIGNS: Final = frozenset('@:;<>"?\\, \r\n\t')


def complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with a value for every field: a secret that was never given is not among those kept."""
    return {field.name: field.default for field in FORM} | dict(settings)


def faults(settings: Mapping[str, Any]) -> list[str]:
    """Return what single fields cannot show."""
    found = []
    if settings["registers"] and not settings["user"]:
        found.append("User: whoever registers needs one.")
    if set(settings["user"] or "") & _SIGNS:
        found.append("User: write the name alone, without host and signs.")
    if set(settings["password"] or "") & set('"\\\r\n'):
        found.append('Password: the SIP stack takes none with " or \\ in it. Please choose another at the trunk.')
    for name, label in (("caller_id", "Caller id"), ("prefix", "Prefix")):
        value = str(settings[name] or "").removeprefix("+")
        if (value and not value.isascii()) or (not value.replace("*", "").replace("#", "").isalnum() and value):
            found.append(f"{label}: digits only, please.")
    return found


def number(settings: Mapping[str, Any], address: str) -> str:
    """Return how the trunk wants a number in E.164 to be written."""
    return f"{settings['prefix'] or ''}{_PLUS[settings['plus']]}{address.removeprefix('+')}"


def caller(settings: Mapping[str, Any], sender: str) -> str:
    """Return the user part that calls are made as."""
    return str(settings["caller_id"] or number({**settings, "prefix": ""}, sender) or settings["user"])


def place(settings: Mapping[str, Any]) -> str:
    """Return host and port as they stand in a URI."""
    host = str(settings["host"])
    return f"[{host}]:{settings['port']}" if ":" in host else f"{host}:{settings['port']}"


def terms(settings: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Return what the phone is started with. `address` is where the host was found, and calls go nowhere else.

    With TLS the stack must know the trunk by its name, which the certificate carries, and looks it up itself.
    """
    is_loopback = ip_address(address).is_loopback
    is_pinned = address != settings["host"] and settings["transport"] != "tls"
    bracketed = f"[{address}]" if ":" in address else address
    return {
        "interface": address if is_loopback else None,
        "directives": _directives(settings),
        "domain": place(settings),
        "outbound": f"sip:{bracketed}:{settings['port']};transport={settings['transport']}" if is_pinned else None,
        "user": settings["user"] or "",
        "password": settings["password"] or "",
        "transport": settings["transport"],
        "registers": bool(settings["registers"]),
        "refresh": 300,
        "codecs": list(_CODECS[settings["codec"]]),
    }


def _directives(settings: Mapping[str, Any]) -> str:
    """Return the stack's own settings; what is not among them it chooses well, like the port it listens on."""
    if settings["transport"] != "tls":
        return ""
    authorities = ssl.get_default_verify_paths()
    return f"sip_verify_server yes\nsip_cafile {authorities.cafile or authorities.openssl_cafile}\n"
