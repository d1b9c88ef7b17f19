"""The plugin under the kit: its entry point, what its hooks returned, and whom it needs beside it."""

from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from connectpulse.core import loader
from connectpulse.core.domain.contracts import PluginInfo
from connectpulse.core.errors import PluginRefused
from connectpulse.core.hookspecs import ENTRY_POINTS
from connectpulse.core.loader import Candidate


@dataclass(slots=True)
class Specimen:
    """One installed plugin. `candidate` is None where it was refused, and `faults` say why."""

    name: str
    entry_point: metadata.EntryPoint
    candidate: Candidate | None = None
    faults: tuple[str, ...] = ()
    companions: list[metadata.EntryPoint] = field(default_factory=list)

    @property
    def info(self) -> PluginInfo | None:
        return self.candidate.info if self.candidate else None

    @property
    def entry_points(self) -> list[metadata.EntryPoint]:
        """The plugin and the plugins without which it could not be loaded."""
        return [*self.companions, self.entry_point]

    def offers(self, hook: str) -> list[Any]:
        """Return what the plugin handed over with a hook, an empty list if nothing."""
        return list(self.candidate.results.get(hook) or ()) if self.candidate else []


def installed() -> dict[str, metadata.EntryPoint]:
    """Return the entry points of the installed plugins by name."""
    return {each.name: each for each in metadata.entry_points(group=ENTRY_POINTS)}


def take(name: str) -> Specimen:
    """Return the installed plugin called `name`; raise KeyError if there is none."""
    found = installed()
    made = Specimen(name, found[name])
    try:
        made.candidate = loader.examine(made.entry_point)
    except PluginRefused as refusal:
        made.faults = refusal.faults
    made.companions = _companions(made, [each for each in found.values() if each.name != name])
    return made


def _companions(specimen: Specimen, others: list[metadata.EntryPoint]) -> list[metadata.EntryPoint]:
    """Return the plugins that offer the channels this one only brings providers for."""
    own = {channel.name for channel in specimen.offers("pulse_channels")}
    needed = {provider.channel for provider in specimen.offers("pulse_providers")} - own
    return [each for each in others if needed and needed & _channels(each)]


def _channels(entry_point: metadata.EntryPoint) -> set[str]:
    try:
        candidate = loader.examine(entry_point)
    except PluginRefused:
        return set()
    return {channel.name for channel in candidate.results.get("pulse_channels", ())}
