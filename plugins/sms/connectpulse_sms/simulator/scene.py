"""SMS on trial: the simulated SMSC, and people with numbers at the very edge of Pakistan's plan."""

from typing import Any, Final

from connectpulse.core.api import Ports, Trial

TEXT: Final = (
    'Assalam-o-alaikum {{ name | default("friend") }}! Your greeting from {{ city | default("home") }} arrived. '
    "Reply STOP to opt out."
)
FIRST_NUMBER: Final = 3_000_000_001


def settings(ports: Ports) -> dict[str, Any]:
    """Return the settings of a connection to the SMSC."""
    return {"host": "127.0.0.1", "port": ports["smpp_port"], "system_id": "pulse", "password": "pulse"}


TRIAL: Final = Trial(
    "sms",
    "connectpulse_sms.simulator",
    "smpp",
    settings,
    ("alphanumeric", "MEHR"),
    {"body": TEXT},
    lambda n: f"+92{FIRST_NUMBER + n}",
)
