"""Everything the plugins offer, by name. Filled once at start and only read afterwards."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .domain.acts import Act
from .domain.audit import AuditAction
from .domain.contracts import Channel, Ledger, PluginInfo
from .domain.doors import Door
from .domain.faces import Card, HealthCheck, PaymentGateway, Report, RestoreCheck, View
from .domain.jobs import Duty, Job
from .domain.limits import Limit
from .domain.provider import Provider
from .domain.retention import RetentionRule, SubjectHandler
from .domain.roles import Role
from .domain.trial import Trial
from .errors import NotFound

T = TypeVar("T")


@dataclass(slots=True)
class Registry:
    """What is installed and active. Lookups of names that are gone raise NotFound with plain words."""

    plugins: dict[str, PluginInfo] = field(default_factory=dict)
    refusals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    muted: set[str] = field(default_factory=set)
    channels: dict[str, Channel] = field(default_factory=dict)
    providers: dict[str, type[Provider]] = field(default_factory=dict)
    rules: dict[str, RetentionRule] = field(default_factory=dict)
    subjects: dict[str, SubjectHandler] = field(default_factory=dict)
    actions: dict[str, AuditAction] = field(default_factory=dict)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    gateways: dict[str, PaymentGateway] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)
    tasks: list[Callable[[Any], None]] = field(default_factory=list)
    demos: list[Callable[[Any], None]] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    health: dict[str, HealthCheck] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    restore_checks: dict[str, RestoreCheck] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    duties: dict[str, Duty] = field(default_factory=dict)
    doors: dict[str, Door] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    packages: dict[str, Path] = field(default_factory=dict)

    def channel(self, name: str) -> Channel:
        return _find(self.channels, name, "channel")

    def provider(self, name: str) -> type[Provider]:
        return _find(self.providers, name, "provider")

    def action(self, verb: str) -> AuditAction:
        return _find(self.actions, verb, "audit action")

    def act(self, name: str) -> Act:
        return _find(self.acts, name, "act")

    @property
    def ledger(self) -> Ledger:
        """The one active ledger: a billing plugin's if there is one, else the unmetered one."""
        metered = [ledger for ledger in self.ledgers.values() if ledger.is_metered]
        return metered[0] if metered else next(iter(self.ledgers.values()))

    def roles_held(self, *, on_platform: bool) -> dict[str, Role]:
        """Return the roles people may hold on the platform or in an organisation, core's first."""
        return {name: role for name, role in self.roles.items() if role.is_platform == on_platform}

    def providers_of(self, channel: str) -> Iterable[type[Provider]]:
        return [provider for provider in self.providers.values() if provider.channel == channel]


def _find(table: dict[str, T], name: str, what: str) -> T:
    try:
        return table[name]
    except KeyError:
        raise NotFound(f"The {what} {name!r} is not installed, or its plugin is muted.") from None
