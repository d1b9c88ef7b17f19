"""What is installed: pinned versions with hashes, and no word of where they are fetched."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_version_is_pinned_with_hashes_and_no_registry_is_named() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.findall(r"(?im)^\s*(?:--(?:extra-)?index-url|--find-links|-i\b|-f\b).*|\w+://\S+", lock)
    entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", lock).strip())
    assert len(entries) > 50
    loose = [
        each.split()[0] for each in entries if not re.match(r"[\w.\-\[\],]+==\S+", each) or "--hash=sha256:" not in each
    ]
    assert loose == []
