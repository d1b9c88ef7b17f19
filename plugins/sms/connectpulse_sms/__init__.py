"""The SMS channel of Connect Pulse."""
