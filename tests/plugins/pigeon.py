"""A second channel for orders of channels: carrier pigeons to telephone numbers, with postcards' provider.

A text that begins with `Offer` goes to nobody who has not agreed to it.
"""

from collections.abc import Mapping
from typing import Any

from connectpulse.core.api import Channel, Needs, PluginInfo, PluginKind, Provider, Purpose, hookimpl
from tests.plugins.postcard import PostcardChannel, PostProvider


class PigeonChannel(PostcardChannel):
    name = "pigeon"
    title = "Carrier pigeon"
    scheme = "phone"
    unit = "flight"

    def needs(self, content: Mapping[str, Any], purpose: Purpose) -> Needs:
        return Needs(opt_in=content["body"].startswith("Offer"))


class LoftProvider(PostProvider):
    """A loft of pigeons."""

    name = "loft"
    title = "Loft"
    channel = "pigeon"


class DeafProvider(LoftProvider):
    """A loft that never tells whether a pigeon arrived."""

    name = "deaf"
    title = "Deaf loft"
    capabilities = frozenset()


class PigeonPlugin:
    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        return PluginInfo("pigeon", "1.0", "Pigeons", "test@example.com", frozenset({PluginKind.CHANNEL}))

    @hookimpl
    def pulse_retention_rules(self) -> list[Any]:
        return []

    @hookimpl
    def pulse_subject_data(self) -> list[Any]:
        return []

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        return [PigeonChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        return [LoftProvider, DeafProvider]
