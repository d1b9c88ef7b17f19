"""Twilio's Calls API: each call is one request; what is said, and what became of it, are signed callbacks."""

from .provider import TwilioCallsProvider

__all__ = ["TwilioCallsProvider"]
