"""Handing letters to a mail server (RFC 5321)."""

from .provider import SmtpProvider

__all__ = ["SmtpProvider"]
