"""What the voice plugin offers to the house."""

from importlib.metadata import version

from connectpulse.core.api import (
    AuditAction,
    Card,
    Channel,
    Door,
    Duty,
    PluginInfo,
    PluginKind,
    Provider,
    Report,
    RetentionRule,
    SubjectHandler,
    Trial,
    hookimpl,
)

from .channel import VoiceChannel
from .figures import CALLS, CARD
from .prompts import links, shelf
from .simulator.scene import TRIAL
from .simulator.trial import TrialProvider
from .sip.provider import SipProvider
from .twilio import TwilioCallsProvider


class VoicePlugin:
    """Calls over SIP or Twilio, and a simulator. It keeps no tables: core stores every message."""

    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        """Say who this plugin is."""
        return PluginInfo(
            name="voice",
            version=version("connectpulse-voice"),
            title="Voice",
            contact="the maintainers of Connect Pulse",
            kinds=frozenset({PluginKind.CHANNEL, PluginKind.PROVIDER}),
            summary="Calls that speak, with a menu of keys: over a SIP trunk or Twilio, and a simulator for trials.",
        )

    @hookimpl
    def pulse_retention_rules(self) -> list[RetentionRule]:
        """Return none: there are no tables."""
        return []

    @hookimpl
    def pulse_subject_data(self) -> list[SubjectHandler]:
        """Return none: there are no tables."""
        return []

    @hookimpl
    def pulse_audit_actions(self) -> list[AuditAction]:
        """Return none: the plugin acts on nobody's behalf."""
        return []

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        """Return the voice channel."""
        return [VoiceChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        """Return the ways to call."""
        return [SipProvider, TwilioCallsProvider, TrialProvider]

    @hookimpl
    def pulse_reports(self) -> list[Report]:
        """Return how calls ended, by campaign."""
        return [CALLS]

    @hookimpl
    def pulse_dashboard(self) -> list[Card]:
        """Return how many calls were answered."""
        return [CARD]

    @hookimpl
    def pulse_doors(self) -> list[Door]:
        """Let gateways fetch what a call says."""
        return [links.DOOR]

    @hookimpl
    def pulse_duties(self) -> list[Duty]:
        """Clear away speech that was kept for a while."""
        return [shelf.DUTY]

    @hookimpl
    def pulse_trials(self) -> list[Trial]:
        """Return how calls are tried out."""
        return [TRIAL]
