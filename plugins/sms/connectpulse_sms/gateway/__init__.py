"""The HTTP gateway provider: one adapter for every gateway whose manual fits into settings."""

from .provider import GatewayProvider

__all__ = ["GatewayProvider"]
