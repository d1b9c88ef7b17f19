"""Twilio's Messages API: each message is one request; receipts and replies come as signed callbacks."""

from .provider import TwilioProvider

__all__ = ["TwilioProvider"]
