"""Mailgun: each letter is one request that holds a whole message; what became of it comes as signed events."""

from .provider import MailgunProvider

__all__ = ["MailgunProvider"]
