"""Structured logs on standard error. Secrets and message bodies never reach them."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from .core.domain.settings import Settings

HIDDEN = "•••"
SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "api_key", "credential", "private")
CONTENT_WORDS = frozenset({"body", "text", "content", "message_text", "extra", "address", "to", "recipient"})
_IN_URL = re.compile(r"(//)[^/@\s:]+:[^/@\s]+(?=@)|([?&](?:password|pass|pwd|token|key|user)=)[^&\s]+", re.I)


def redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what must not be logged: by the name of the value, and inside URLs."""
    for key, value in event.items():
        event[key] = _redacted(key, value)
    return event


def _redacted(key: str, value: Any) -> Any:
    lowered = key.lower()
    if lowered in CONTENT_WORDS or any(word in lowered for word in SECRET_WORDS):
        return HIDDEN if value not in (None, "", 0) else value
    if isinstance(value, dict):
        return {name: _redacted(str(name), each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(key, each) for each in value]
    return _IN_URL.sub(rf"\1\2{HIDDEN}", value) if isinstance(value, str) else value


def configure(settings: Settings) -> None:
    """Send structlog's and the standard library's records through the same processors."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    final: list[Any] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("flask_appbuilder", "alembic", "huey", "granian", "_granian"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    logging.getLogger("flask_appbuilder.models.filters").setLevel(logging.ERROR)  # it lacks filters for times
