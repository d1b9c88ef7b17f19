"""How letters are tried out from end to end: the sink, and what is sent to it."""

from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Trial

_CONTENT: Final = {
    "subject": 'Hello {{ first_name | default("there") }}, our shop is open',
    "preheader": "And the first hundred guests have tea",
    "html": "<style>h1{color:#0a5;font:24px Arial,sans-serif} p{font:16px/1.5 Arial,sans-serif}</style>"
    '<h1>Hello {{ first_name | default("there") }}</h1><p>Our shop is open again, from nine to nine.</p>'
    '<p><a href="https://acme.example/shop?from=letter">See what it has</a></p>',
    "footer": "Acme Ltd, 1 Mall Road, Lahore",
}


def _settings(ports: Mapping[str, int]) -> Mapping[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": ports["smtp_port"],
        "security": "none",
        "countries": "PK",
        "letters": 1000,
        "return_domain": "bounce.acme.example",
        "listen_host": "127.0.0.1",
        "listen_port": ports["report_port"],
    }


TRIAL: Final = Trial(
    name="email",
    program="connectpulse_email.sink",
    provider="smtp",
    settings=_settings,
    sender=("address", "Acme News <news@acme.example>"),
    content=_CONTENT,
    address=lambda number: f"person{number}.00@example.com",
    reports_delivery=False,
)
"""Letters to people whose digits ask for nothing: a share of them bounces."""
