"""Every hook is there and rightly typed; what they hand over is wrong."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from connectpulse.core.api import (
    Ambiguity,
    AuditAction,
    BigId,
    Callback,
    Capability,
    Card,
    Channel,
    Check,
    CreatedAt,
    Disclosure,
    Events,
    Field,
    Health,
    HealthCheck,
    Kind,
    Measure,
    MessageState,
    Outcome,
    PluginInfo,
    PluginKind,
    Preview,
    Provider,
    Receipt,
    Rendered,
    Renderer,
    RetentionRule,
    Samples,
    SenderKind,
    Subject,
    SubjectHandler,
    Submission,
    Table,
    Then,
    Unknown,
    Work,
    audit,
    hookimpl,
)
from connectpulse.core.services import messages  # noqa: F401 - not through the door


class Call(Table):
    __tablename__ = "faulty_call"

    id: Mapped[BigId]
    phone: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[CreatedAt]


def ring(work: Work, call: Call) -> None:
    audit.record(work, "faulty.rang", call)


class FaultyChannel(Channel):
    name = "faulty"
    title = "Faulty"
    scheme = "phone"
    unit = "call"
    content_form = (Field("body", "Text", Kind.LONG_TEXT, is_required=True),)
    sender_kinds = (SenderKind("any", "Any", lambda value: None),)
    opt_out_words = frozenset({"STOP"})

    def normalise(self, value: str, region: str) -> str:
        return f"0{value}"

    def check_content(self, content: Mapping[str, Any], fields: frozenset[str]) -> None:
        """Take anything."""

    def prepare(self, content: Mapping[str, Any]) -> Renderer:
        return lambda values: Rendered(content["body"], Measure(0, 0))

    def preview(self, content: Mapping[str, Any]) -> Preview:
        return Preview((("Characters", str(len(content["body"]))),))

    def names(self, content: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"no_such_field"} if "no_such_field" in content["body"] else {"name"})


class FaultyProvider(Provider):
    name = "line"
    title = "Line"
    channel = "faulty"
    settings_form = (Field("host", "Host", default="example.com"), Field("api_key", "Key", default="k"))
    presets = {"Somewhere": {"hots": "example.com"}}
    ambiguity = Ambiguity.LOOKUP
    capabilities = frozenset({Capability.CALLBACKS, Capability.SESSION})
    errors = {"1": ("recipient", "No such number!")}  # type: ignore[dict-item]
    states = {"queued": MessageState.QUEUED}

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        return Disclosure((settings["host"],), (), ("Pakistan",))

    @classmethod
    def samples(cls) -> Samples:
        call = Callback("POST", "https://pulse.example.com/in", {}, (), b"7")
        return Samples({}, callbacks=((call, [Receipt("7", MessageState.DELIVERED)]),), forged=(call,))

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        return True

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        return [Receipt(chr(callback.body[0]), MessageState.DELIVERED)]

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        return [Unknown()]

    async def check(self) -> Check:
        return Check(True, ())


def _nothing(work: Work, subject: Subject, *rest: Any) -> Any:
    return None


class FaultyPlugin:
    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        return PluginInfo(
            "faulty", "2.0", "Faulty", "", frozenset({PluginKind.CHANNEL}),
            owns_tables=("faulty_call",), migrations="connectpulse_faulty.migrations",
        )  # fmt: skip

    @hookimpl
    def pulse_retention_rules(self) -> list[RetentionRule]:
        return [
            RetentionRule(Call, "phone", timedelta(0), Then.ANONYMISE, "", final_only="state = done"),
        ]

    @hookimpl
    def pulse_subject_data(self) -> list[SubjectHandler]:
        return [SubjectHandler(Call, lambda *_: [("a", 1)], _nothing, _nothing, _nothing, _nothing)]  # type: ignore[list-item, return-value]

    @hookimpl
    def pulse_audit_actions(self) -> list[AuditAction]:
        return [AuditAction("faulty.called", "{who} called")]

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        return [FaultyChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        return [FaultyProvider]

    @hookimpl
    def pulse_health(self) -> list[HealthCheck]:
        return [HealthCheck("faulty_line", lambda work: Health("another", False))]

    @hookimpl
    def pulse_dashboard(self) -> list[Card]:
        return [Card("faulty_calls", "Calls", lambda work: 3)]  # type: ignore[arg-type, return-value]
