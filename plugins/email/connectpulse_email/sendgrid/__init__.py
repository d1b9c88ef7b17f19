"""SendGrid's v3 Mail Send: each letter is one request; what became of it comes as signed events."""

from .provider import SendGridProvider

__all__ = ["SendGridProvider"]
