"""What was found about a sender's domain: how it stands, in a sentence, and the record that puts it right."""

from collections.abc import Mapping
from typing import Any, NamedTuple

OK, WARN, BAD, UNKNOWN = "ok", "warn", "bad", "unknown"


class Finding(NamedTuple):
    """One thing about a domain. `what` is its title, `state` ok, warn, bad or unknown (DNS gave no answer).

    `name`, `kind` and `value` are the record to publish, empty where there is none to copy.
    """

    what: str
    state: str
    says: str
    name: str = ""
    kind: str = ""
    value: str = ""

    def kept(self) -> Mapping[str, Any]:
        """Return it as JSON."""
        return self._asdict()


def read(kept: Mapping[str, Any]) -> list[Finding]:
    """Return what a domain's row keeps."""
    return [Finding(**each) for each in kept.get("found", ())]


def holds(found: list[Finding], before: bool) -> bool:
    """Return whether a domain is in order; where DNS gave no answer and nothing is wrong, it stays as it was."""
    states = {each.state for each in found}
    if BAD in states:
        return False
    return before if UNKNOWN in states else True
