"""Calls that speak, for Connect Pulse."""
