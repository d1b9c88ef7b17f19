"""Amazon SES: each letter is one signed request; what became of it comes through a topic of Amazon SNS."""

from .provider import SesProvider

__all__ = ["SesProvider"]
