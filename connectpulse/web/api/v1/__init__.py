"""Version 1 of the API. A version only grows: fields and addresses are added, none is changed or taken away."""

from . import files, inbox, routes, subject_requests
from .routing import blueprint

__all__ = ["blueprint", "files", "inbox", "routes", "subject_requests"]
