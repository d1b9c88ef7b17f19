"""What a plugin promises: who it is, what its channels render, what its ledger and views are.

Providers have a module of their own (`provider.py`). Every contract is either a frozen value or a small
abstract class; core works with these and never with a channel's or a provider's name.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from .form import Form, Kind
from .message import Cause, MessageState
from .pricing import Price
from .template import content_filled

if TYPE_CHECKING:
    from ..services.work import Work

API_VERSION = 1
"""Raised only when a contract changes so that an older plugin could misbehave."""


class PluginKind(StrEnum):
    CHANNEL = "channel"
    PROVIDER = "provider"
    BILLING = "billing"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """Who a plugin is. `name` is its entry point and prefixes its tables, tasks and audit verbs.

    `owns_tables` lists every table its package maps; `migrations` is the importable package that holds
    its Alembic versions, None for a plugin without tables.
    """

    name: str
    version: str
    title: str
    contact: str
    kinds: frozenset[PluginKind]
    api: int = API_VERSION
    owns_tables: tuple[str, ...] = ()
    migrations: str | None = None
    summary: str = ""


# --- channels -----------------------------------------------------------------------------------


class Purpose(StrEnum):
    """Why a message is sent; decides which senders, consents and suppressions apply."""

    PROMOTIONAL = "promotional"
    TRANSACTIONAL = "transactional"


@dataclass(frozen=True, slots=True)
class SenderKind:
    """One form a sender may take on a channel. `check` returns the sentence to show, or None if fine."""

    name: str
    title: str
    check: Callable[[str], str | None]
    help: str = ""


class Measure(NamedTuple):
    """How much of the channel's unit of measure a message takes: `quantity` parts, seconds, messages.

    `parts` is the number of pieces the provider transmits, 1 where the channel knows no pieces.
    """

    parts: int
    quantity: int


class Rendered(NamedTuple):
    """One recipient's message, ready to hand over.

    `body` is the text; `extra` carries what a text cannot (template parameters, media), as JSON.
    """

    body: str
    measure: Measure
    extra: Mapping[str, Any] | None = None


Renderer = Callable[[Mapping[str, str]], Rendered]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an editor shows about a content while it is written: figures by label, warnings, and how it looks.

    `document` is a whole HTML document without scripts, shown beside the form as wide as a desktop or a phone.
    `file:ID` as an address in it stands for the content of one of the organisation's files; pictures may come
    from https addresses too, sounds and films from `data:` addresses. Empty: there is nothing to look at.
    """

    figures: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
    document: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a channel asks of a content and its audience before a message may go.

    `approved_template`: the template version must be approved by the provider. `recent_inbound`: the
    recipient must have written to the sender within this time. `opt_in`: a consent on record is needed.
    """

    approved_template: bool = False
    recent_inbound: timedelta | None = None
    opt_in: bool = False


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What a channel may judge a campaign by before it is launched.

    `has_way_out`: whether messages can carry a link that stops them and that others reach.
    """

    purpose: Purpose
    sender_kind: str
    sender_purposes: frozenset[Purpose]
    content: Mapping[str, Any]
    opt_out_hint: str = ""
    sender: str = ""
    has_way_out: bool = True


@dataclass(frozen=True, slots=True)
class Remarks:
    """What an organisation's own records say of a campaign: objections keep it from going, warnings do not."""

    objections: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Channel(ABC):
    """A way to reach people. Subclasses are values: one instance per channel, without state.

    `scheme` is the kind of address it uses (`phone`, `email`, `whatsapp`), `unit` the word for what
    `Measure.quantity` counts. `content_form` is what a template of this channel is made of.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str] = "fa-paper-plane"
    scheme: ClassVar[str]
    unit: ClassVar[str]
    content_form: ClassVar[Form]
    sender_kinds: ClassVar[tuple[SenderKind, ...]]
    opt_out_words: ClassVar[frozenset[str]] = frozenset()
    """Words that mean stop on this channel, casefolded; organisations add their own."""
    opt_out_reply: ClassVar[Mapping[str, Any] | None] = None
    """Content that confirms an opt-out, once; None confirms nothing."""
    is_shared: ClassVar[bool] = False
    """Whether a message keeps only what is its recipient's own, and providers get the rest from `share`."""
    has_way_out: ClassVar[bool] = False
    """Whether messages carry a link that stops them (`Submission.way_out`), like List-Unsubscribe of mail."""
    look_width: ClassVar[int] = 1000
    """How wide the look of a content (`Preview.document`) is at first: 1000 as on a desktop, 390 as on a telephone."""
    sample_content: ClassVar[Mapping[str, Any] | None] = None
    """A content the conformance kit may try; None lets the kit fill the required fields with a text."""
    silence: ClassVar[timedelta] = timedelta(hours=24)
    """How long after its validity a message may stay without a final receipt before it expires."""

    @abstractmethod
    def normalise(self, value: str, region: str) -> str:
        """Return the canonical address of `value`; raise Refused saying what is wrong with it.

        `region` is the ISO 3166 code of the country a local number belongs to.
        """

    @abstractmethod
    def check_content(self, content: Mapping[str, Any], fields: frozenset[str]) -> None:
        """Raise Refused with every fault of a template's content; `fields` are the known names."""

    @abstractmethod
    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        """Return the function that renders this content for one recipient's values; built once."""

    @abstractmethod
    def preview(self, content: Mapping[str, Any]) -> Preview:
        """Return what the editor shows beside `content` while it is being written.

        Never raises: values may be missing, half-typed or wrong.
        """

    def preview_for(self, content: Mapping[str, Any], purpose: Purpose, values: Mapping[str, str]) -> Preview:
        """Return what `preview` shows, of a content as one person gets it; where a value is missing, its name stands.

        As it is, values are put into the texts of the content: a channel whose texts are markup says more than that.
        Never raises.
        """
        filled: Mapping[str, Any] = content_filled(content, values)
        return self.preview(filled)

    @abstractmethod
    def names(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of all values a content substitutes."""

    def required_values(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return those of `names` that a recipient must have a value for."""
        return frozenset()

    def needs(self, content: Mapping[str, Any], purpose: Purpose) -> Needs:
        """Return what must hold for a recipient before this content may be sent to them."""
        return Needs()

    def objections(self, facts: CampaignFacts) -> list[str]:
        """Return one sentence per rule of the channel that a campaign breaks; empty if none."""
        return []

    def remarks(self, work: "Work", facts: CampaignFacts) -> Remarks:
        """Return what rows of the organisation, read through `work`, say of a campaign, like of its sender's domain.

        Asked beside `objections` before a campaign is quoted, tried or launched; costs few bounded queries.
        """
        return Remarks()

    def category(self, content: Mapping[str, Any], purpose: Purpose) -> str:
        """Return the provider's category of a content, where prices depend on one (`marketing`, `utility`)."""
        return ""

    def share(self, work: "Work", sender: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what providers need besides a message and all messages of one content and sender have in common.

        Like the content itself, files it names and keys to sign with, read through `work` of the organisation.
        Asked of channels that are `is_shared`, and kept for a while by each worker: providers get the same object
        as long, and may keep what they made of it. Raises Refused where something is missing: the campaign pauses.
        """
        return {"content": content}

    def opt_out_content(self, reply: str) -> Mapping[str, Any] | None:
        """Return what confirms an opt-out: `opt_out_reply`, in the organisation's words where `reply` is not empty."""
        if self.opt_out_reply is None or not reply:
            return self.opt_out_reply
        words = next(field.name for field in self.content_form if field.kind in (Kind.TEXT, Kind.LONG_TEXT))
        return {**self.opt_out_reply, words: reply}

    def answer_content(self, text: str, reference: str = "", about: str = "") -> Mapping[str, Any] | None:
        """Return the content of an answer somebody writes by hand; None where people cannot be answered like that.

        `reference` is the provider's id of the message that is answered, `about` the text of what we had written to
        this address last before it, each empty where there is none. As it is, the words go into the form's first long
        text, and a form that needs more than that has no such answer.
        """
        words = next((field for kind in (Kind.LONG_TEXT, Kind.TEXT) for field in self.content_form
                      if field.kind is kind), None)  # fmt: skip
        if words is None or any(f.is_required and f.default is None and f is not words for f in self.content_form):
            return None
        return {field.name: field.default for field in self.content_form} | {words.name: text}

    def told(self, content: Mapping[str, Any], values: Mapping[str, str]) -> str:
        """Return the words of a content as a conversation shows them; empty where a message's own text tells them."""
        return ""

    def reads_as_opt_out(self, text: str, words: frozenset[str]) -> bool:
        """Return whether an inbound message asks to stop; `words` are the organisation's, casefolded."""
        return False


# --- money --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a price may depend on, fixed for a campaign when it is quoted.

    `sender_kind` is the kind of sender as its channel names it. `version` names the prices a campaign was
    launched at, as `Ledger.price_version` gave them; empty asks for those that hold now.
    """

    organisation_id: int
    channel: str
    purpose: Purpose
    sender: str
    category: str = ""
    sender_kind: str = ""
    version: str = ""


Pricer = Callable[[str, Measure], Price]
"""From an address and a measure to a price; raises `Unpriced` where no price applies."""


class Unpriced(Exception):
    """No price covers this destination; `prefix` is what a rate card would need an entry for."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.prefix = prefix


@dataclass(frozen=True, slots=True)
class Movement:
    """A number of messages of one campaign that went from one state to another in one batch.

    `quantity` is what the provider reported (parts, seconds) where it did, else what was measured. `reserved`
    is what the messages cost before this movement, `correction` by how much a quantity that is reported in it
    makes them dearer or, below zero, cheaper, at the prices that were reserved; `due` is both together. Where
    only the quantity became known, `before` and `after` are the same. A ledger derives settle and release
    from this. `cause_before` and `cause_after` tell apart what a state leaves open: see `message.Cause`.
    Messages of no campaign that move together were made on one `day` (UTC), so that a ledger can compare them.
    """

    organisation_id: int
    campaign_id: int | None
    channel: str
    before: MessageState
    after: MessageState
    messages: int
    reserved: Decimal
    quantity: int
    correction: Decimal = Decimal(0)
    cause_before: Cause = Cause.PLAIN
    cause_after: Cause = Cause.PLAIN
    day: date | None = None

    @property
    def due(self) -> Decimal:
        """What the messages cost from now on."""
        return self.reserved + self.correction


class Ledger(ABC):
    """Where units are kept. Exactly one is active. All methods run in the caller's transaction.

    Amounts are units as exact decimals. A ledger that cannot reserve raises OutOfUnits, and the campaign
    pauses until the ledger calls `resume_funded`.
    """

    name: ClassVar[str]
    is_metered: ClassVar[bool] = True

    @abstractmethod
    def pricer(self, work: "Work", tariff: Tariff) -> Pricer:
        """Return the prices of `tariff.version`, or those that hold for `tariff` now where it is empty; frozen."""

    def price_version(self, work: "Work", tariff: Tariff) -> str:
        """Name the prices that hold for `tariff` now: another name whenever any of them changed, 120 letters at most.

        A quote is void once this differs; a campaign is sent to its end at the version it was quoted at.
        """
        return ""

    @abstractmethod
    def balance(self, work: "Work", organisation_id: int) -> Decimal | None:
        """Return the units an organisation may still spend, None where nothing is metered."""

    def hold(self, work: "Work", organisation_id: int) -> Decimal | None:
        """Return the balance and keep it from changing until the transaction ends; called where it is short."""
        return self.balance(work, organisation_id)

    def explain(self, work: "Work", tariff: Tariff, units: Decimal) -> Sequence[tuple[str, str]]:
        """Return what stands beside a quote of `units`, as labels and texts: the balance afterwards, what it costs."""
        return ()

    @abstractmethod
    def reserve(
        self, work: "Work", tariff: Tariff, campaign_id: int | None, units: Decimal, *, day: date | None = None
    ) -> None:
        """Set `units` aside for messages that are queued in this transaction; raise OutOfUnits where they lack.

        `day` is the day of messages of no campaign, as in `Movement`.
        """

    @abstractmethod
    def settle(self, work: "Work", movements: Sequence[Movement]) -> None:
        """Charge or give back what these movements decide, once per message and state."""
