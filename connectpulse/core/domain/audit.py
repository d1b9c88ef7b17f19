"""The verbs of the action log: each has a sentence, and says which values it must not show."""

import re
from dataclasses import dataclass

_VERB = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")


@dataclass(frozen=True, slots=True)
class AuditAction:
    """One verb, like `campaign.launched`, and how an auditor reads it.

    `sentence` may use {actor} and {object}. Values of the columns named in `redact` are recorded as
    changed without showing them.
    """

    verb: str
    sentence: str
    redact: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _VERB.match(self.verb):
            raise ValueError(f"audit verb {self.verb!r}: write it like noun.past_tense")
