"""Structured logs on standard error. Secrets and message bodies never reach them."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from .core.domain.redaction import HIDDEN, scrub
from .core.domain.settings import Settings

SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "api_key", "credential", "private")
CONTENT_WORDS = frozenset({"body", "text", "content", "message_text", "extra", "address", "to", "recipient"})


_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30)
)


def redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what must not be logged: by the name of the value, and inside texts."""
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
    return value if value is None or isinstance(value, int | float) else scrub(str(value))


def configure(settings: Settings) -> None:
    """Send structlog's and the standard library's records through the same processors."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Tracebacks become text first, so that what they quote is hidden with the rest. They never show variables.
    final: list[Any] = (
        [_TRACEBACKS, redact, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
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
