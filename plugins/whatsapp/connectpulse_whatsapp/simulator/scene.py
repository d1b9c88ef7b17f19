"""How the channel is tried out from end to end on one machine: the simulated Cloud API, and what is sent to it."""

from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Ports, Trial

from .options import NUMBER, Options, settings


def _settings(ports: Ports) -> Mapping[str, Any]:
    return settings(Options(), f"http://127.0.0.1:{ports['port']}")


TRIAL: Final = Trial(
    name="whatsapp",
    program="connectpulse_whatsapp.simulator",
    provider="whatsapp_cloud",
    settings=_settings,
    sender=("number", NUMBER),
    content={
        "body": 'Hello {{ first_name | default("friend") }}, our new collection has arrived in the shop near you.',
        "buttons": "stop: Stop these messages",
        "examples": "first_name = Amina",
    },
    address=lambda number: f"+923{number:07d}{number % 90:02d}",
    options=("--lag", "0.5", "--gather", "0.2", "--batch", "1000"),
    calls_back=True,
)
"""A greeting to numbers that exist nowhere else, and whose last digits ask for nothing to go wrong."""
