"""Calls over SIP."""
