"""Toy channels for what is to come (calls, letters, chats) and a ledger that keeps books of every unit.

A call takes at most sixty seconds; a second costs what the destination's price says. A letter takes one unit.
A chat needs an approved template, or somebody who wrote within a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectpulse.core.api import Channel as AnyChannel
from connectpulse.core.api import (
    Ledger,
    Measure,
    MessageState,
    Movement,
    Needs,
    PluginInfo,
    PluginKind,
    Price,
    Pricer,
    Provider,
    Purpose,
    Refused,
    Rendered,
    Renderer,
    Tariff,
    Unpriced,
    Work,
    hookimpl,
)
from tests.plugins.postcard import PostcardChannel, PostProvider

LONGEST_CALL = 60
WINDOW = timedelta(hours=24)
PRICES = {"+92": Decimal("0.0125"), "+1": Decimal("0.1")}
TARIFFS: list[Tariff] = []
"""What prices were asked for."""
CHARGED = (MessageState.DELIVERED, MessageState.READ)


class CallChannel(PostcardChannel):
    name = "call"
    title = "Call"
    scheme = "phone"
    unit = "second"

    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        return lambda values: Rendered(content["body"], Measure(1, LONGEST_CALL))

    def category(self, content: Mapping[str, Any], purpose: Purpose) -> str:
        return f"{purpose} call"


class LetterChannel(PostcardChannel):
    """Letters keep only what is each recipient's own; the paper they have in common is handed over once."""

    name = "letter"
    title = "Letter"
    is_shared = True
    has_way_out = True

    def share(self, work: Work, sender: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        if content["body"] == "torn":
            raise Refused("The paper is torn.")
        return {"paper": content["body"], "from": sender, "organisation": work.organisation_id}

    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        return lambda values: Rendered(f"to {values.get('name', '')}", Measure(1, 1))


class ChatChannel(PostcardChannel):
    name = "chat"
    title = "Chat"
    scheme = "whatsapp"
    unit = "conversation"

    def needs(self, content: Mapping[str, Any], purpose: Purpose) -> Needs:
        if content["body"].startswith("template:"):
            return Needs(approved_template=True)
        return Needs(recent_inbound=WINDOW)


class CallLine(PostProvider):
    name, channel, settings_form = "call_line", "call", ()


class LetterLine(PostProvider):
    name, channel, settings_form = "letter_line", "letter", ()


class ChatLine(PostProvider):
    name, channel, settings_form = "chat_line", "chat", ()


BY_THE_MINUTE, MINUTE = "+33", Decimal(3)
"""Where a call is paid for by started minutes, and what one costs."""


@dataclass
class Books:
    """Units set aside and units spent, to the last decimal."""

    reserved: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)

    def clear(self) -> None:
        self.reserved = self.spent = Decimal(0)


BOOKS = Books()


class TollLedger(Ledger):
    """Prices by prefix; sets aside when queued, charges when delivered, gives back what failed."""

    name = "tolls"
    pocket: ClassVar[Decimal] = Decimal(1000)

    def pricer(self, work: Work, tariff: Tariff) -> Pricer:
        TARIFFS.append(tariff)

        def price(address: str, measure: Measure) -> Price:
            if tariff.channel != "call":
                return Price(Decimal(measure.quantity))
            if address.startswith(BY_THE_MINUTE):
                return Price(MINUTE * -(-measure.quantity // 60), 60)
            for prefix, second in PRICES.items():
                if address.startswith(prefix):
                    return Price(second * measure.quantity)
            raise Unpriced(address[:3])

        return price

    def balance(self, work: Work, organisation_id: int) -> Decimal | None:
        return self.pocket - BOOKS.reserved - BOOKS.spent

    def reserve(
        self, work: Work, tariff: Tariff, campaign_id: int | None, units: Decimal, *, day: date | None = None
    ) -> None:
        missing = BOOKS.reserved + BOOKS.spent + units - self.pocket
        if missing > 0:
            raise Refused(f"{missing.normalize()} units are missing.")
        BOOKS.reserved += units

    def settle(self, work: Work, movements: Sequence[Movement]) -> None:
        for each in movements:
            self._book(each.before, -each.reserved)
            self._book(each.after, each.due)

    def _book(self, state: MessageState, units: Decimal) -> None:
        """Write units to where messages of this state have them: spent, set aside, or given back."""
        if state in CHARGED:
            BOOKS.spent += units
        elif not state.is_final:
            BOOKS.reserved += units


class TollsPlugin:
    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        kinds = frozenset({PluginKind.CHANNEL, PluginKind.BILLING})
        return PluginInfo("tolls", "1.0", "Tolls", "test@example.com", kinds)

    @hookimpl
    def pulse_retention_rules(self) -> list[Any]:
        return []

    @hookimpl
    def pulse_subject_data(self) -> list[Any]:
        return []

    @hookimpl
    def pulse_channels(self) -> list[AnyChannel]:
        return [CallChannel(), LetterChannel(), ChatChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        return [CallLine, LetterLine, ChatLine]

    @hookimpl
    def pulse_ledger(self) -> Ledger:
        return TollLedger()
