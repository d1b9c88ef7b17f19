"""The evidence of the policy: each sentence with its control, what proves it, and when it last held; signed."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from ...domain.clauses import clauses
from ...domain.controls import CONTROLS, Control
from ...errors import Refused
from ...storage.trust import canonical, sealed, trust, unsealed
from .. import audit
from ..work import Work
from . import page
from .looks import LOOKS

log = structlog.get_logger(__name__)

JSON, HTML, POLICY = "evidence.json", "evidence.html", "policy.txt"


class Standing(StrEnum):
    """How a sentence stands: shown by all its proofs, by some of them, by none, or contradicted by one."""

    HELD = "held"
    PARTLY = "partly shown"
    NOT_SHOWN = "not shown"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Proof:
    """A test or a look: what it is called, whether it held (None: it was not run), what it said, and when."""

    kind: str
    name: str
    is_good: bool | None
    detail: str
    at: str | None


class Outcomes(NamedTuple):
    """What a run of the tests left: outcome and time by test, and the digest of the file that says so."""

    outcomes: Mapping[str, Mapping[str, str]]
    digest: str


def read_tests(path: Path | None) -> Outcomes:
    """Return the record of a run of the tests; an empty one where there is none. Raises Refused if it is no record."""
    if path is None or not path.is_file():
        return Outcomes({}, "")
    content = path.read_bytes()
    try:
        found = json.loads(content)
        outcomes = {
            str(name): {"outcome": str(each["outcome"]), "when": str(each["when"])} for name, each in found.items()
        }
        for each in outcomes.values():
            datetime.fromisoformat(each["when"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Refused(f"{path} is no record of tests: `make test` writes one.") from None
    return Outcomes(outcomes, hashlib.sha256(content).hexdigest())


def policy() -> str:
    """Return the product's own policy text, whose sentences the controls are about."""
    return files("connectpulse.core.services.policy").joinpath("first_draft.txt").read_text()


def gather(work: Work, tests: Outcomes, address: str) -> dict[str, Any]:
    """Return the evidence as plain JSON: platform work. `address` is the site's public one."""
    text = policy()
    rows = [_row(work, clause.number, clause.text, clause.heading, tests, address) for clause in clauses(text)]
    return {
        "made_at": work.clock().isoformat(), "product": version("connectpulse"), "address": address,
        "policy_sha256": hashlib.sha256(text.encode()).hexdigest(), "tests_sha256": tests.digest,
        "tests_run": len(tests.outcomes), "rows": rows,
        "summary": {standing.value: sum(row["standing"] == standing for row in rows) for standing in Standing},
    }  # fmt: skip


def _row(work: Work, number: str, says: str, heading: str, tests: Outcomes, address: str) -> dict[str, Any]:
    control = next((each for each in CONTROLS if each.number == number), None)
    if control is None:
        return {
            "number": number, "heading": heading, "sentence": says, "control": "", "standing": Standing.NOT_SHOWN.value,
            "last_held": None, "owed": "a control", "proofs": [],
        }  # fmt: skip
    proofs = [
        *(_tested(each, tests) for each in control.tests),
        *(_looked(work, each, address) for each in control.looks),
    ]
    standing = _standing(control, proofs)
    good = [each.at for each in proofs if each.is_good and each.at]
    return {
        "number": number, "heading": heading, "sentence": says, "control": control.says, "standing": standing.value,
        "last_held": min(good) if good and standing is Standing.HELD else None, "owed": control.owed,
        "proofs": [asdict(each) for each in proofs],
    }  # fmt: skip


def _standing(control: Control, proofs: Sequence[Proof]) -> Standing:
    if any(each.is_good is False for each in proofs):
        return Standing.BROKEN
    shown = [each for each in proofs if each.is_good]
    if not shown:
        return Standing.NOT_SHOWN
    return Standing.PARTLY if control.owed or len(shown) < len(proofs) else Standing.HELD


def _tested(name: str, tests: Outcomes) -> Proof:
    """Say how the tests that `name` means went: all of a folder, of a file, or one function with its cases."""
    mine = [each for test, each in tests.outcomes.items() if is_of(test, name)]
    ran = [each for each in mine if each["outcome"] != "skipped"]
    if not ran:
        return Proof("test", name, None, "It was skipped." if mine else "It was not run.", None)
    failed = sum(each["outcome"] != "passed" for each in ran)
    said = f"{failed} of {len(ran)} failed." if failed else f"{len(ran)} passed."
    return Proof("test", name, not failed, said, min(each["when"] for each in ran))


def is_of(test: str, name: str) -> bool:
    """Return whether the test with this id is one of those that `name` means."""
    return test == name or test.startswith((f"{name}::", f"{name}[", f"{name}/"))


def _looked(work: Work, name: str, address: str) -> Proof:
    look = LOOKS.get(name)
    if look is None:
        return Proof("look", name, None, "This version does not know how to look at it.", None)
    try:
        with work.session.begin_nested():
            seen = look(work, address)
    except Exception as error:
        log.exception("look_failed", look=name)
        return Proof("look", name, False, f"The look itself failed: {type(error).__name__}.", work.clock().isoformat())
    return Proof("look", name, seen.is_good, seen.detail, seen.at.isoformat())


def pack(payload: Mapping[str, Any]) -> bytes:
    """Return the bundle as a zip: the signed JSON, the same to read, and the policy it is about."""
    readable = page.html(payload, trust.public_key).encode()
    signed = {**payload, "html_sha256": hashlib.sha256(readable).hexdigest()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(JSON, canonical(sealed(signed)))
        bundle.writestr(HTML, readable)
        bundle.writestr(POLICY, policy())
    return out.getvalue()


def export(work: Work, tests: Outcomes, address: str) -> bytes:
    """Return the bundle, and write down who took it. Platform work."""
    payload = gather(work, tests, address)
    audit.record(work, "evidence.exported", summary=payload["summary"])
    return pack(payload)


def verify(content: bytes, public_key: str) -> dict[str, Any]:
    """Return what a bundle says; raise Refused unless the site with `public_key` signed it and nothing changed."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            envelope = json.loads(bundle.read(JSON))
            readable, text = bundle.read(HTML), bundle.read(POLICY)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError):
        raise Refused("This is no bundle of evidence, or it was changed.") from None
    payload = unsealed(envelope if isinstance(envelope, dict) else {}, public_key)
    for name, what in (("html_sha256", readable), ("policy_sha256", text)):
        if payload.get(name) != hashlib.sha256(what).hexdigest():
            raise Refused(f"{HTML if what is readable else POLICY} is not the one that was signed.")
    return payload


def tests_of(var_dir: Path) -> Path | None:
    """Return where the record of the release's tests lies: in VAR_DIR, else where a checkout's tests leave it."""
    found = (var_dir / "evidence" / "tests.json", Path("build") / "evidence" / "tests.json")
    return next((path for path in found if path.is_file()), None)
