"""Calls on trial: simulated callees, and people with numbers that nobody has."""

from typing import Any, Final

from connectpulse.core.api import Ports, Trial

from ..sip import settings as trunk

TEXT: Final = 'Good day, {{ name | default("friend") }}. Your order can be collected. To stop such calls, press nine.'


def settings(ports: Ports) -> dict[str, Any]:
    """Return the settings of a connection to the callees."""
    given = {"host": "127.0.0.1", "port": ports["sip_port"]}
    return {name: value for name, value in trunk.complete(given).items() if value is not None}


def number(n: int) -> str:
    """Return the number of the n-th person; its last digits decide nothing but that somebody answers."""
    return f"+9230{n:06d}00"


TRIAL: Final = Trial(
    "voice",
    "connectpulse_voice.simulator",
    "sip",
    settings,
    ("caller_id", "+922135300000"),
    {"text": TEXT, "opt_out_key": "9", "wait_seconds": 1},
    number,
    reports_late=False,
    recipients=200,
    window=60,
)
