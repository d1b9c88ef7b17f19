"""Vonage: the SMS API or the Messages API, whichever an account uses."""

from .provider import VonageProvider

__all__ = ["VonageProvider"]
