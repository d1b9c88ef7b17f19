"""A whole channel in a hundred lines: postcards to e-mail-like addresses, over a provider in memory.

The provider behaves as its messages say: an address that begins with `slow`, `lost`, `gone`, `later`,
`refused` or `throttled` gets that outcome. Everything handed over is kept in `SENT`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from connectpulse.core.api import (
    Accepted,
    Ambiguity,
    Capability,
    Channel,
    Check,
    ConnectionLost,
    Disclosure,
    ErrorClass,
    Field,
    Form,
    Kind,
    Measure,
    MessageState,
    Outcome,
    PluginInfo,
    PluginKind,
    Preview,
    Provider,
    Receipt,
    Refused,
    Rejected,
    Rendered,
    Renderer,
    Samples,
    SenderKind,
    Submission,
    TryLater,
    Unknown,
    hookimpl,
    normalise_address,
    parse_template,
)

SENT: list[Submission] = []
SESSIONS: list["PostProvider"] = []


class PostcardChannel(Channel):
    name = "postcard"
    title = "Postcard"
    scheme = "email"
    unit = "card"
    content_form: ClassVar[Form] = (Field("body", "Text", Kind.LONG_TEXT, is_required=True),)
    sender_kinds = (SenderKind("name", "Name", lambda value: None if value else "A name is needed."),)
    opt_out_words = frozenset({"stop"})
    opt_out_reply = {"body": "You will get no more postcards."}

    def normalise(self, value: str, region: str) -> str:
        return normalise_address(self.scheme, value, region)

    def check_content(self, content: Mapping[str, Any], fields: frozenset[str]) -> None:
        unknown = parse_template(content["body"]).names - fields
        if unknown:
            raise Refused(*(f"{name} is unknown." for name in sorted(unknown)))

    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        render = parse_template(content["body"]).renderer()
        return lambda values: Rendered(render(values), Measure(1, 1))

    def preview(self, content: Mapping[str, Any]) -> Preview:
        return Preview((("Characters", str(len(content["body"] or ""))),))

    def names(self, content: Mapping[str, Any]) -> frozenset[str]:
        return parse_template(content["body"]).names

    def required_values(self, content: Mapping[str, Any]) -> frozenset[str]:
        return parse_template(content["body"]).required

    def reads_as_opt_out(self, text: str, words: frozenset[str]) -> bool:
        return text.strip().casefold() in words


OUTCOMES: Mapping[str, Outcome] = {
    "lost": Unknown(),
    "gone": Rejected("no_such_address", ErrorClass.RECIPIENT, "404", suppress=True),
    "later": TryLater(timedelta(0), ErrorClass.PROVIDER, "closed"),
    "refused": Rejected("bad_sender", ErrorClass.SENDER, "13"),
    "throttled": TryLater(timedelta(0), ErrorClass.THROTTLE),
    "forbidden": Rejected("bad_password", ErrorClass.CREDENTIAL, "401"),
}


class PostProvider(Provider):
    """Hands postcards over in memory; `settings` may fail it or make it slow."""

    name = "post"
    title = "Post office"
    channel = "postcard"
    settings_form = (
        Field("city", "City", is_required=True),
        Field("key", "Key", Kind.SECRET),
        Field("delay_ms", "Delay", Kind.NUMBER, default=0),
        Field("is_closed", "Closed", Kind.SWITCH, default=False),
    )
    ambiguity = Ambiguity.BLIND
    capabilities = frozenset({Capability.RECEIPTS, Capability.INBOUND, Capability.SESSION})
    errors = {"404": (ErrorClass.RECIPIENT, "no_such_address")}
    states = {"arrived": MessageState.DELIVERED}

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        return Disclosure(("post.example",), ("address", "body"), ("PK",))

    @classmethod
    def samples(cls) -> Samples:
        return Samples({"city": "Lahore"})

    async def open(self) -> None:
        if self.settings["is_closed"]:
            raise ConnectionLost(ErrorClass.PROVIDER, "The post office is closed.")
        SESSIONS.append(self)

    async def close(self) -> None:
        if self in SESSIONS:
            SESSIONS.remove(self)

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        await asyncio.sleep(self.settings["delay_ms"] / 1000)
        SENT.extend(batch)
        return [OUTCOMES.get(each.address.partition("-")[0], Accepted((f"P{each.message_id}",))) for each in batch]

    async def check(self) -> Check:
        return Check(True, ("Knocked at the door.",))


def arrived(message_id: int, state: MessageState = MessageState.DELIVERED) -> Receipt:
    """Return the receipt of a postcard."""
    return Receipt(f"P{message_id}", state, "ok")


class PostcardPlugin:
    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        return PluginInfo("postcard", "1.0", "Postcards", "test@example.com", frozenset({PluginKind.CHANNEL}))

    @hookimpl
    def pulse_retention_rules(self) -> list[Any]:
        return []

    @hookimpl
    def pulse_subject_data(self) -> list[Any]:
        return []

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        return [PostcardChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        return [PostProvider]
