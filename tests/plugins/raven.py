"""Ravens: a third channel, for orders of three. They carry what pigeons do, over nests."""

from collections.abc import Sequence
from typing import ClassVar

from connectpulse.core.api import Channel, PluginInfo, PluginKind, Provider, hookimpl

from .pigeon import LoftProvider, PigeonChannel, PigeonPlugin


class RavenChannel(PigeonChannel):
    """Short texts by raven."""

    name: ClassVar = "raven"
    title: ClassVar = "Raven"


class NestProvider(LoftProvider):
    """A nest: it reports what became of each raven."""

    name: ClassVar = "nest"
    title: ClassVar = "Nest"
    channel: ClassVar = "raven"


class RavenPlugin(PigeonPlugin):
    """The channel and its provider."""

    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        return PluginInfo("raven", "1.0.0", "Ravens", "test@example.org", frozenset({PluginKind.CHANNEL}))

    @hookimpl
    def pulse_channels(self) -> Sequence[Channel]:
        return [RavenChannel()]

    @hookimpl
    def pulse_providers(self) -> Sequence[type[Provider]]:
        return [NestProvider]
