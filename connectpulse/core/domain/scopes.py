"""What a key of the API may do. A key has the scopes it was given and no other; what names none is refused."""

from collections.abc import Mapping
from typing import Final

AUDIT_READ: Final = "audit:read"
FILES_READ: Final = "files:read"
FILES_WRITE: Final = "files:write"
INBOX_READ: Final = "inbox:read"
INBOX_WRITE: Final = "inbox:write"
SUBJECTS_READ: Final = "subject-requests:read"
SUBJECTS_WRITE: Final = "subject-requests:write"

SCOPES: Mapping[str, str] = {
    AUDIT_READ: "Read the action log of the organisation",
    FILES_READ: "Read which files the organisation keeps for its templates",
    FILES_WRITE: "Keep files for templates",
    INBOX_READ: "Read what people write back, and the conversations with them",
    INBOX_WRITE: "Answer people who write back, and mark conversations as done",
    SUBJECTS_READ: "Read requests of people about their own information",
    SUBJECTS_WRITE: "Hand in requests of people about their own information",
}
"""Every scope with what it allows, as people choose it."""

ANY_KEY: Final = "any key"
"""What a route asks for that every good key may use."""

NO_KEY: Final = "no key"
"""What a route asks for that answers without a key, because it tells nothing of this site."""
