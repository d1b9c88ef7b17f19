"""What callbacks are called where they are kept and woken for."""

DRAIN = "core.drain_callbacks"
"""The queue task that works off one connection's requests."""

SESSION = "SESSION"
"""The method of an event that came on an open session and was set aside; no request has it."""
