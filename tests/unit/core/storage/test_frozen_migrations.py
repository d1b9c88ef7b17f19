"""Migrations do what they did on the day they were written: none of them leans on code that goes on changing."""

import importlib
import re
from pathlib import Path

from connectpulse.core.domain import chain
from connectpulse.core.storage import migrate, sealing
from connectpulse.core.storage.trust import trust

FOLDER = Path(migrate.__file__).parent / "migrations" / "versions"
STABLE = {"from connectpulse.core.storage.trust import trust"}
"""The site's key: what was sealed with it is never sealed anew."""


def test_no_migration_imports_code_that_changes() -> None:
    found = {
        line
        for path in FOLDER.glob("0*.py")
        for line in re.findall(r"^(?:from|import) connectpulse\b.*", path.read_text(), re.M)
    }
    assert found == STABLE


def test_what_the_fifth_migration_seals_is_what_the_log_is_verified_by() -> None:
    trust.set("a key of trust for one test, long enough")
    fifth = importlib.import_module("connectpulse.core.storage.migrations.versions.0005_audit")
    entries = [
        [None, "list.created", "user", 7, "ContactList", "1", "", "Amina\tÄ", "203.0.113.7", "All\\every\n", "{}"],
        [3, "user.signed_in", "user", None, "", "", "r1", "", "", "", '{"a": "b\\n"}'],
    ]
    before, lines = chain.ORIGIN, []
    for number, entry in enumerate(entries, 1):
        row = fifth.sealed(before, number, entry)
        before = row["seal"]
        sealed = (chain.written(value) for value in (number, *entry[:7]))
        digests = map(chain.binary, (row["actor_digest"], row["object_digest"]))
        opened = (
            chain.binary(row["actor_salt"]), chain.written(entry[7]), chain.written(entry[8]),
            chain.binary(row["object_salt"]), chain.written(entry[9]), chain.written(entry[10]),
        )  # fmt: skip
        lines.append(b"\t".join((chain.binary(before), *sealed, *digests, *opened)))
    walked = chain.walk(sealing.keys()[0], lines)
    assert (walked.entries, walked.erased, walked.last_seal) == (2, 0, before)
