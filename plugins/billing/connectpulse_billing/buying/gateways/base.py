"""The contract of a gateway. Another plugin may bring one by returning it from `pulse_payment_gateways`.

Nothing here touches the database. What goes over the network goes through the guarded session it is given, and
only where no unit of work is open.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit

from connectpulse.core.api import AnswerLost, Check, EgressSession, Form, Knock, Refused, Reply, Unreachable

from ..money import CURRENCIES

PAID, PENDING, FAILED = "paid", "pending", "failed"
REFUNDED, REFUND_FAILED = "refunded", "refund_failed"
DISPUTED, DISPUTE_WON, DISPUTE_LOST = "disputed", "dispute_won", "dispute_lost"
HINT = "hint"
"""News that proves nothing: the gateway is asked instead."""


class Forged(Refused):
    """What came is not from the gateway, or is too old to be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What is to be paid. `reference` is ours and unique; `back_url` is where the payer returns to, which proves
    nothing; `hook_url` is the beginning of our doors' addresses for this gateway. `begun_at` is the same however
    often the gateway is asked."""

    reference: str
    amount: Decimal
    currency: str
    title: str
    back_url: str
    hook_url: str
    begun_at: datetime
    now: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How the payer goes on: to `url`, by a link or, with `fields`, by a form that is posted; or as `lines` say.

    `foreign_reference` is how the gateway calls the payment.
    """

    url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[tuple[str, str]] = ()
    wants_proof: bool = False
    foreign_reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The attempt an inquiry is about."""

    reference: str
    foreign_reference: str
    amount: Decimal
    currency: str
    begun_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an inquiry found: paid, pending or failed; of a payment its reference, sum and currency."""

    state: str
    payment_reference: str = ""
    amount: Decimal | None = None
    currency: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One verified piece of news. `id` is the same whenever it is told again; `item` names a refund or dispute.

    `reference` is ours; where the gateway does not say it, `payment_reference` finds the payment.
    """

    id: str
    kind: str
    reference: str = ""
    payment_reference: str = ""
    item: str = ""
    amount: Decimal | None = None
    currency: str = ""
    occurred_at: datetime | None = None


class Gateway(ABC):
    """A way to pay. `patience` is how long an order waits for a payment that was begun."""

    name: ClassVar[str]
    title: ClassVar[str]
    hint: ClassVar[str] = ""
    settings: ClassVar[Form]
    currencies: ClassVar[Sequence[str]] = CURRENCIES
    patience: ClassVar[timedelta] = timedelta(hours=48)
    can_inquire: ClassVar[bool] = True
    can_refund: ClassVar[bool] = False
    most: ClassVar[Decimal] = Decimal("9999999.99")

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.values = settings

    @abstractmethod
    async def begin(self, http: EgressSession, purchase: Purchase) -> Step:
        """Begin a payment; the same reference again begins none anew. Raises Refused with what the payer reads."""

    async def inquire(self, http: EgressSession, asked: Asked) -> Finding:
        """Ask how a payment stands."""
        return Finding(state=PENDING)

    def read(self, knock: Knock, now: datetime) -> Sequence[Told]:
        """Return what a request at our door tells; raise Forged unless the gateway proves that it sent it."""
        raise Forged(f"{self.title} sends nothing here.")

    def resume(self, knock: Knock) -> Step | None:
        """Return what the payer must do yet after coming back, None if nothing."""
        return None

    def back(self, knock: Knock) -> str:
        """Return our reference of the payment whose payer comes back to us, empty if unknown. Proves nothing."""
        return dict(knock.query).get("reference", "")[:100]

    async def refund(
        self, http: EgressSession, payment_reference: str, amount: Decimal, currency: str, key: str
    ) -> str:
        """Pay back a sum, once per `key`; return the gateway's name of the refund."""
        raise Refused(f"{self.title} cannot pay back by itself: pay back there, and write it down here.")

    async def check(self, http: EgressSession) -> Check:
        """Try the settings without moving money."""
        steps = []
        try:
            async for step in http.probe(str(self.values["base_url"])):
                steps.append(step)  # noqa: PERF401 - what worked counts, should a later step fail
        except (Refused, Unreachable) as fault:
            return Check(False, (*steps, str(fault)))
        return Check(True, tuple(steps))

    def place(self, path: str) -> str:
        """Return an address below the gateway's base."""
        return str(self.values["base_url"]).rstrip("/") + path

    def origin(self) -> str:
        """Return scheme, host and port of the gateway: what a page may post a form to."""
        parts = urlsplit(str(self.values.get("base_url", "")))
        return f"{parts.scheme}://{parts.netloc}"


def check_base(address: Any) -> None:
    """Raise Refused unless an address is a plain https one, or one of this machine for trials."""
    parts = urlsplit(str(address))
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if (parts.scheme != "https" and not (parts.scheme == "http" and is_local)) or not parts.hostname or parts.username:
        raise Refused("Address: write it like https://host.example, with https.")
    if parts.query or parts.fragment or any(each in str(address) for each in " \t;,'\"\\"):
        raise Refused("Address: only a host and a path belong here.")


def as_json(reply: Reply, who: str) -> dict[str, Any]:
    """Return an answer's JSON object; raise AnswerLost for anything else: it says nothing about the payment."""
    import json

    try:
        found = json.loads(reply.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AnswerLost(f"{who} answered {reply.status} with something that is not understood.")
    return found
