"""Thin background tasks: each takes an id and calls a service. The queue wakes; the database remembers."""
