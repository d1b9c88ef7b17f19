"""The contract of a provider: an adapter from our batches to one kind of gateway and back.

An adapter is mostly tables: a form of settings, a table from the provider's codes to our outcomes and
one from its receipt states to ours. It keeps no business state and never touches the database; it lives
on the wire's event loop, one instance per open session of a connection.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from .form import Form
from .message import MessageState
from .outcome import ErrorClass, Outcome, Unknown


class Ambiguity(StrEnum):
    """What may be done about a message whose answer was lost.

    IDEMPOTENT: the provider knows our reference, sending again is safe. LOOKUP: it can be asked.
    BLIND: neither, so the message stays `unknown` until a receipt or an operator settles it.
    """

    IDEMPOTENT = "idempotent"
    LOOKUP = "lookup"
    BLIND = "blind"


class Capability(StrEnum):
    RECEIPTS = "receipts"
    INBOUND = "inbound"
    CALLBACKS = "callbacks"
    SESSION = "session"
    TEMPLATES = "templates"
    """It decides about templates: `submit_template` and `ask_templates`."""
    SIMULATED = "simulated"
    """Nothing leaves the house: such a provider discloses nothing, and needs no agreement."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What leaves the house when this provider is used: to which hosts, which fields, which countries."""

    hosts: tuple[str, ...]
    fields: tuple[str, ...]
    countries: tuple[str, ...]


class Submission(NamedTuple):
    """One message handed to a provider. `token` is our name for it and stays the same on a resend.

    `shared` is what `Channel.share` returned for its content and sender, None for channels that share nothing;
    `way_out` the address at which its recipient stops messages like it, empty where the channel offers none.
    `attempt` counts from 1; one that a receipt asked for (`Receipt.again`) is a new message to most providers,
    though its token is the same. `campaign_id` is the campaign it belongs to, None for a message of its own;
    channels that share get it.
    """

    message_id: int
    address: str
    sender: str
    body: str
    parts: int
    validity: timedelta
    token: str
    purpose: str = ""
    extra: Mapping[str, Any] | None = None
    shared: Mapping[str, Any] | None = None
    way_out: str = ""
    attempt: int = 1
    campaign_id: int | None = None


class Receipt(NamedTuple):
    """A provider's word on a message it had accepted.

    `reference` equals one of the references of `Accepted`. `address` is the recipient, where the
    receipt names it: it lets a lost answer be settled. `quantity` is what will be billed, if reported, and
    `category`, beside it, what it is billed as where prices depend on one: it costs that, whatever was reserved.
    `reason` (`snake_case`) stays with the message, also with one that arrived where there are several ways to.
    `suppress` asks for a suppression of the recipient (a hard bounce, a complaint), whatever the state.
    `again` says that a final `state` short of delivery is the last word on this attempt only (a line that was
    busy): the message is queued once more after that while, unless its attempts or its validity are used up, its
    campaign was cancelled, or an earlier attempt was delivered after all. Then the state stands.
    `token` is our own name for the message (`Submission.token`), where the receipt carries it: it settles a lost
    answer for certain.
    """

    reference: str
    state: MessageState
    code: str = ""
    reason: str = ""
    occurred_at: datetime | None = None
    address: str = ""
    quantity: int | None = None
    suppress: bool = False
    again: timedelta | None = None
    token: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message a person sent to one of our numbers or identities."""

    address: str
    recipient: str
    text: str
    reference: str = ""
    received_at: datetime | None = None


class Approval(StrEnum):
    """What a provider says about a template version."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class TemplateWord:
    """A provider's word on a template: approved, rejected, or taken back (a pause is REJECTED with its reason).

    `reference` is the provider's name for it, as it was recorded when it was submitted. `category` is what the
    provider bills it as, where it says so; a `state` of None and an empty category leave what is known.
    A reason without a state stands beside an approval, like a warning.
    """

    reference: str
    state: Approval | None
    reason: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class TemplateSubmission:
    """A template version handed over for approval.

    `shared` is what `Channel.share` returned for its content, without a sender. `reference` is the provider's name
    for it where it was submitted before: it was refused, and somebody asks to look at it again.
    """

    title: str
    content: Mapping[str, Any]
    shared: Mapping[str, Any]
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """A provider's word, apart from any message, that an address is to get nothing more.

    `recipient` is the number or identity of ours that it concerns, as in `Inbound`. `reason` is `opted_out` for who
    told the provider that they want no promotions, `undeliverable` for an address that leads to them no longer.
    """

    address: str
    recipient: str
    reason: str = "opted_out"


@dataclass(frozen=True, slots=True)
class Callback:
    """A request to our webhook, as it came: verify signatures over `body`, never over a re-encoding.

    `url` keeps its raw query string; `source` is the network address it came from. The case of the names in
    `headers` tells nothing. `proof` is the document at `Provider.proof_address`, empty where none was asked for.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: bytes
    source: str = ""
    proof: bytes = b""


Event = Receipt | Inbound | TemplateWord | Stop
Events = Sequence[Event]
Intake = Callable[[Events], Awaitable[None]]
"""Hands receipts, inbound messages and words on templates and people to the house; returns once they are durable."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of "test this connection": the steps taken, in plain words, and whether it works."""

    is_working: bool
    steps: tuple[str, ...]


class ConnectionLost(Exception):
    """A session could not be opened or has ended; `error` says whose fault, `reason` in plain words.

    CREDENTIAL pauses the connection until somebody acts; PROVIDER is tried again with back-off.
    """

    def __init__(self, error: ErrorClass, reason: str) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Samples:
    """What the conformance kit needs to try a provider without its owner's help.

    `settings` are valid settings; `peer` is an async context manager that starts a peer on loopback and
    yields settings that reach it, None for a provider that needs no peer. `callbacks` pairs requests
    with the events they must parse to; `forged` are requests that must be refused.
    """

    settings: Mapping[str, Any]
    peer: Callable[[], Any] | None = None
    callbacks: tuple[tuple[Callback, Events], ...] = ()
    forged: tuple[Callback, ...] = ()
    submissions: tuple[Submission, ...] = ()
    refused: tuple[tuple[Submission, ErrorClass], ...] = ()


class Provider(ABC):
    """An adapter class. `settings` below are the typed values of `settings_form`, secrets included."""

    name: ClassVar[str]
    title: ClassVar[str]
    channel: ClassVar[str]
    summary: ClassVar[str] = ""
    settings_form: ClassVar[Form]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Ready-made settings by title, offered when a connection is made."""
    ambiguity: ClassVar[Ambiguity]
    lookup_after: ClassVar[timedelta] = timedelta(minutes=2)
    """How long the provider may take until it knows a message; asked earlier, "not found" proves nothing."""
    most_at_once: ClassVar[int | None] = None
    """The most messages of one batch; None: as the window allows. 1 where answers are slow, like calls that are over:
    each is recorded when it comes, and the whole window is used."""
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]]
    """From the provider's codes to (class, our reason); the table the tests walk."""
    states: ClassVar[Mapping[str, MessageState]] = {}
    """From the provider's receipt states to ours."""

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        """`window` is the most that may await an answer at once: requests, PDUs, calls.

        `callback_url` is where this connection's webhooks arrive, empty where there are none.
        """
        self.settings = settings
        self.intake = intake
        self.window = window
        self.callback_url = callback_url

    @classmethod
    def ambiguity_of(cls, settings: Mapping[str, Any]) -> Ambiguity:
        """Return what may be done about a lost answer with these settings; the class's word unless they differ."""
        return cls.ambiguity

    @classmethod
    @abstractmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return what a connection with these settings discloses, and to whom."""

    @classmethod
    @abstractmethod
    def samples(cls) -> Samples:
        """Return what the conformance kit tries this provider with."""

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per fault that single fields cannot show."""
        return []

    async def open(self) -> None:  # noqa: B027 - most HTTP adapters have nothing to open
        """Open the session; raise ConnectionLost when that fails."""

    async def close(self) -> None:  # noqa: B027 - see open
        """End the session politely; called once, also after a failed `open`."""

    async def wait_lost(self) -> None:
        """Return when the open session has ended by itself; never, for an adapter without sessions."""
        await asyncio.Event().wait()

    @abstractmethod
    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Hand over a batch; return one outcome per submission, in order.

        Never raises for what happened to a message: a message whose answer did not come is `Unknown`,
        one that certainly was not handed over because the session ended is `TryLater` (PROVIDER).
        Raises ConnectionLost only if certainly nothing of the batch was handed over.
        What dies with the worker and is never heard of again (a call) is answered when it is over, with its
        `events`: until then a killed worker leaves it unknown, not accepted. Where a worker that stops has waited
        long enough, this is cancelled; who can end what is out then may do so, and return its outcomes.
        """

    async def wind_up(self) -> None:  # noqa: B027 - most answers come within seconds
        """Hurry: no batch comes any more. `send_batch` should return soon, what can be taken back as `TryLater`."""

    @abstractmethod
    async def check(self) -> Check:
        """Try the connection without sending a message, and tell what was found."""

    async def lookup(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Ask what became of messages whose answer was lost; for ambiguity LOOKUP only.

        `Accepted` and `Rejected` settle a message, `TryLater` means it never arrived and is sent again,
        `Unknown` leaves it as it is.
        """
        return [Unknown() for _ in batch]

    async def submit_template(self, template: TemplateSubmission) -> TemplateWord:
        """Hand a template over for approval; return the provider's first word, with its reference.

        For TEMPLATES only. Safe to repeat: an answer may have been lost, so the same content must be found, not made
        twice. A content the provider refuses is REJECTED with its reason. Raises Refused where the connection's
        settings are at fault, Unreachable or AnswerLost where no answer came: it is tried again later.
        """
        raise NotImplementedError

    async def ask_templates(self, references: Sequence[str]) -> Sequence[TemplateWord]:
        """Return what the provider says now about templates that were submitted; none about those it does not know.

        For TEMPLATES only; raises as `submit_template` does. Asked every so often, as webhooks may be lost.
        """
        return ()

    @classmethod
    def proof_address(cls, settings: Mapping[str, Any], callback: Callback) -> str:
        """Return the address of a public document that `verify_callback` needs, a vendor's certificate; empty for none.

        The house fetches it once, of at most 64 KiB, and hands it over as `callback.proof`. The request is not
        verified yet: return an address only of a host that the settings name, never one that the request chose.
        """
        return ""

    @classmethod
    def visit_address(cls, settings: Mapping[str, Any], callback: Callback) -> str:
        """Return an address to visit for a genuine request, such as one that confirms a subscription; empty for none.

        It is visited once, with GET, when the request is stored. Where that fails the vendor is asked to come again.
        """
        return ""

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        """Return whether a webhook request is genuine."""
        return False

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        """Return the events of a genuine request; raise ValueError if it makes no sense."""
        return ()

    @classmethod
    def answer_callback(cls, settings: Mapping[str, Any], callback: Callback) -> tuple[str, str]:
        """Return the media type and text a genuine request is answered with, once it is stored.

        Some providers send a plain text on to the person who wrote; others want to be told a word of theirs.
        """
        return "text/plain", "ok"
