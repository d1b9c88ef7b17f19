"""Connect Pulse: a self-hosted platform for bulk SMS, WhatsApp, voice and e-mail campaigns."""

__version__ = "0.1.0"
