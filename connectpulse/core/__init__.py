"""The kernel: domain, storage, wire and services. Plugins import `connectpulse.core.api` only."""
