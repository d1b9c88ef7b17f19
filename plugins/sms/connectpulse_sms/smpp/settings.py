"""What an SMPP connection asks an administrator, and the same as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from connectpulse.core.api import Field, Form, Kind

_LINE, _MESSAGES, _RECEIPTS = "Line", "Messages", "Receipts"

FORM: Final[Form] = (
    Field("host", "Host", Kind.HOST, "Name or address of the SMSC.", is_required=True),
    Field("port", "Port", Kind.NUMBER, default=2775, low=1, high=65535),
    Field("system_id", "System id", is_required=True, high=15),
    Field(
        "password",
        "Password",
        Kind.SECRET,
        "At most 8 characters by the specification; some SMSCs allow more.",
        default="",
        high=64,
    ),
    Field("system_type", "System type", help="Empty unless the provider names one.", default="", high=12),
    Field(
        "bind_mode",
        "Bind as",
        Kind.CHOICE,
        default="transceiver",
        choices=(("transceiver", "Transceiver"), ("pair", "Transmitter and receiver")),
        group=_LINE,
    ),
    Field(
        "tls",
        "Encryption",
        Kind.CHOICE,
        "Without TLS, messages and password cross the network readable: use a private line or a tunnel.",
        default="off",
        choices=(
            ("off", "None"),
            ("verified", "TLS, certificate verified"),
            ("unverified", "TLS, any certificate"),
        ),
        group=_LINE,
    ),
    Field(
        "enquire_link", "Ask for life after (seconds)", Kind.NUMBER, default=30, low=1, high=3600, group=_LINE
    ),
    Field(
        "response_timeout",
        "Wait for an answer (seconds)",
        Kind.NUMBER,
        "A message without an answer after this time is unknown: it is not sent again.",
        default=10,
        low=1,
        high=600,
        group=_LINE,
    ),
    Field(
        "alphabet",
        "Default alphabet",
        Kind.CHOICE,
        "What the SMSC reads in data coding 0. If umlauts, @ or $ arrive wrong, try another.",
        default="gsm7",
        choices=(("gsm7", "GSM 7-bit, unpacked"), ("latin1", "Latin-1"), ("ascii", "ASCII")),
        group=_MESSAGES,
    ),
    Field(
        "long_text",
        "Long texts",
        Kind.CHOICE,
        default="udh",
        choices=(
            ("udh", "Parts with a user data header"),
            ("sar", "Parts with SAR parameters"),
            ("payload", "In one piece (message_payload)"),
        ),
        group=_MESSAGES,
    ),
    Field(
        "reference_bits",
        "Bits of the reference that joins parts",
        Kind.CHOICE,
        default="8",
        choices=(("8", "8"), ("16", "16")),
        group=_MESSAGES,
        only=("long_text", ("udh", "sar")),
    ),
    Field(
        "source_type",
        "Type and plan of the sender",
        Kind.CHOICE,
        default="auto",
        choices=(
            ("auto", "By the form of the sender"),
            ("0/0", "0/0 unknown"),
            ("0/1", "0/1 unknown, E.164"),
            ("1/1", "1/1 international"),
            ("2/1", "2/1 national"),
            ("3/0", "3/0 network specific"),
            ("5/0", "5/0 alphanumeric"),
            ("5/1", "5/1 alphanumeric, E.164"),
        ),
        group=_MESSAGES,
    ),
    Field(
        "with_plus", "Write recipients with a plus sign", Kind.SWITCH, default=False, group=_MESSAGES
    ),
    Field(
        "service_type", "Service type", help="Empty unless the provider names one.", default="", high=5,
        group=_MESSAGES,
    ),
    Field(
        "receipts",
        "Delivery receipts",
        Kind.CHOICE,
        default="final",
        choices=(("none", "None"), ("final", "Final state"), ("intermediate", "Also intermediate states")),
        group=_RECEIPTS,
    ),
    Field(
        "message_id_base",
        "Message ids",
        Kind.CHOICE,
        "Some SMSCs write an id in one base when they accept a message and in another in its receipt.",
        default="as-is",
        choices=(
            ("as-is", "The same in answer and receipt"),
            ("hex-to-decimal", "Hexadecimal in the answer, decimal in the receipt"),
            ("decimal-to-hex", "Decimal in the answer, hexadecimal in the receipt"),
        ),
        group=_RECEIPTS,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of `FORM`; times are in seconds."""

    host: str
    port: int
    system_id: str
    password: str
    system_type: str
    bind_mode: str
    tls: str
    enquire_link: float
    response_timeout: float
    alphabet: str
    long_text: str
    reference_bits: str
    source_type: str
    with_plus: bool
    service_type: str
    receipts: str
    message_id_base: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Settings":
        """Return the settings in `values`, with the form's default for each that is absent."""
        filled = {field.name: field.default for field in FORM} | dict(values)
        return cls(**{field.name: filled[field.name] for field in fields(cls)})


def faults(settings: Settings) -> list[str]:
    """Return what single fields cannot show: values that no SMPP string can carry."""
    return [
        f"{field.label}: only plain characters (ASCII) can be sent to an SMSC."
        for field in FORM
        if field.name in ("system_id", "password", "system_type", "service_type")
        and not str(getattr(settings, field.name)).isascii()
    ]
