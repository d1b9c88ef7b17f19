"""Version 1 of the API. A version only grows: fields and addresses are added, none is changed or taken away."""

from .routes import blueprint

__all__ = ["blueprint"]
