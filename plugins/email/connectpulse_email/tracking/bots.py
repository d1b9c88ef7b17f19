"""Telling programs from people: what a request itself shows. When it came is judged with the message."""

import re
from typing import Final

from connectpulse.core.api import Knock

SOON: Final = 5
"""Seconds after a letter was handed over within which nobody reads yet: scanners do."""
_AGENTS: Final = re.compile(
    r"bot\b|bot/|crawl|spider|scan|preview|prefetch|proxy|fetch|monitor|check|headless|phantom|curl|wget|python|java/|"
    r"go-http|okhttp|libwww|httpclient|axios|node|ruby|perl|barracuda|proofpoint|mimecast|symantec|trendmicro|"
    r"forcepoint|fireeye|sophos|cisco|microsoft office|ms-office|safelinks|urldefense|slack|whatsapp|telegram|"
    r"facebookexternalhit|skypeuri|googleimageproxy|yahoomailproxy|via ggpht",
    re.IGNORECASE,
)
_BARE: Final = frozenset({"", "mozilla/5.0", "mozilla/4.0"})
"""Agents of programs that tell nothing of themselves, like the proxy of Apple's mail privacy."""


def is_program(knock: Knock) -> bool:
    """Return whether a request is a program's by its own signs: its method, its purpose, its name."""
    agent = knock.header("User-Agent").strip()
    purposes = " ".join(knock.header(name) for name in ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")).lower()
    is_ahead = "prefetch" in purposes or "preview" in purposes
    return knock.method != "GET" or is_ahead or agent.lower() in _BARE or _AGENTS.search(agent) is not None
