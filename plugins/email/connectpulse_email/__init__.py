"""E-mail for Connect Pulse."""
