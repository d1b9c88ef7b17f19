"""Versions of the privacy policy: drafted, held against what it must say, published once, and never changed."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from importlib import resources
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ...domain import policy_text
from ...errors import NotFound, Refused
from ...storage.models import Operator, PolicyVersion
from .. import audit, records
from ..notices import board
from ..work import Work
from . import inventory, operator, promises

NOTICE = timedelta(days=7)
"""The least time between publishing a material change and its taking effect."""
CONTACT = "contact us"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def first_draft() -> str:
    """Return the text every policy of the product begins from."""
    return resources.files(__package__).joinpath("first_draft.txt").read_text()


def draft(work: Work, *, lock: bool = False) -> PolicyVersion | None:
    """Return the draft, of which there is at most one."""
    wanted = select(PolicyVersion).where(PolicyVersion.published_at.is_(None))
    return work.session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()


def begin(work: Work) -> PolicyVersion:
    """Return the draft; begin one from the newest version, or from the product's own text, if there is none."""
    found = draft(work)
    if found is not None:
        return found
    before = newest(work)
    made = PolicyVersion(source=before.source if before else first_draft())
    return records.create(work, made, "policy.drafted")


def change(work: Work, values: Mapping[str, Any]) -> PolicyVersion:
    """Change the draft: `source`, `summary`, `revised_on`, `effective_on`, `is_material`."""
    found = draft(work, lock=True)
    if found is None:
        raise NotFound("There is no draft of the policy. Begin one first.")
    source = policy_text.canonical(str(values["source"] or ""))
    if len(source) > policy_text.LONGEST:
        raise Refused(f"A policy has at most {policy_text.LONGEST} characters.")
    found.source, found.summary = source, str(values.get("summary") or "")[:1000]
    found.revised_on, found.effective_on = values.get("revised_on"), values.get("effective_on")
    found.is_material = bool(values.get("is_material"))
    changed = sorted(audit.changes(found))
    work.session.flush()
    audit.record(work, "policy.drafted", found, changed=changed)
    return found


def discard(work: Work) -> None:
    """Throw the draft away."""
    found = draft(work, lock=True)
    if found is not None:
        records.delete(work, found, "policy.discarded")


def problems(work: Work, found: PolicyVersion) -> list[str]:
    """Return everything that keeps a draft from being published, one sentence each."""
    facts = operator.facts(work)
    faults = []
    if found.revised_on is None:
        faults.append("It has no revision date: say when this text was revised.")
    if found.effective_on is None:
        faults.append("It has no effective date: say from which day it holds.")
    faults += _impossible(work, found)
    faults += _contact(found.source, facts)
    faults += promises.foreign_operator(found.source, facts)
    faults += [each.sentence for each in promises.contradictions(work, found.source)]
    return [*faults, *inventory.unnamed(work.registry, found.source)]


def _impossible(work: Work, found: PolicyVersion) -> list[str]:
    today, before, faults = work.clock().date(), newest(work), []
    if found.revised_on and found.revised_on > today:
        faults.append("The revision date lies in the future: it is the day the text was last changed.")
    if found.effective_on and found.effective_on < today:
        faults.append("The effective date has passed: a policy cannot hold before it is published.")
    if found.revised_on and found.effective_on and found.effective_on < found.revised_on:
        faults.append("The effective date lies before the revision date.")
    if before is None:
        return faults
    assert before.revised_on is not None
    assert before.effective_on is not None
    if found.revised_on and found.revised_on < before.revised_on:
        faults.append(f"The revision date lies before that of the last version, {before.revised_on:%d %B %Y}.")
    if found.effective_on and found.effective_on < before.effective_on:
        faults.append(f"The effective date lies before that of the last version, {before.effective_on:%d %B %Y}.")
    if found.is_material and found.effective_on and today <= found.effective_on < today + NOTICE:
        faults.append(
            f"A material change needs {NOTICE.days} days of notice: let it take effect "
            f"on {today + NOTICE:%d %B %Y} or later."
        )
    if policy_text.canonical(found.source) == before.source:
        faults.append("Nothing has changed since the last version.")
    return faults


def _contact(source: str, facts: Operator) -> list[str]:
    if policy_text.section(source, CONTACT) is None:
        return [f"It has no section called {CONTACT.title()!r}."]
    return [
        f"Its contact section has no {words}: fill it in under Platform, Operator." for words in operator.missing(facts)
    ]


def compose(found: PolicyVersion, facts: Operator) -> str:
    """Return what a draft will say once it is published: its dates on top, the contact block in its section."""
    lines = policy_text.canonical(found.source).rstrip("\n").split("\n")
    placed: list[str] = []
    is_inside = False
    for line in [*lines, "# end"]:
        block = policy_text.blocks(line)
        if block and block[0].kind == "heading":
            if is_inside:
                placed += ["", operator.block(facts), ""]
            is_inside = CONTACT in block[0].text.casefold()
        placed.append(line)
    head = [
        "# Privacy Policy",
        "",
        f"Revised on {day(found.revised_on)}. In force from {day(found.effective_on)}.",
        "",
    ]
    return policy_text.canonical("\n".join([*head, *placed[:-1]]))


def day(of: date | None) -> str:
    """Return a day in words."""
    return f"{of.day} {of:%B %Y}" if of else "a day that is not set yet"


def publish(work: Work) -> PolicyVersion:
    """Publish the draft and tell everybody; raise Refused with everything it lacks."""
    found = draft(work, lock=True)
    if found is None:
        raise Refused("There is no draft to publish.")
    faults, is_first = problems(work, found), newest(work) is None
    if faults:
        raise Refused(*faults)
    found.text = compose(found, operator.facts(work))
    found.digest = policy_text.digest(found.text)
    found.published_at = work.clock()
    try:
        work.session.flush()
    except IntegrityError:
        work.session.rollback()
        raise Refused("This very text was published before.") from None
    audit.record(
        work, "policy.published", found, digest=found.digest, revised_on=found.revised_on,
        effective_on=found.effective_on, is_material=found.is_material,
    )  # fmt: skip
    _tell(work, found, is_first)
    return found


def _tell(work: Work, found: PolicyVersion, is_first: bool) -> None:
    said = f"It holds from {day(found.effective_on)}."
    if not found.is_material:
        said += " If you go on using the platform from that day, you accept it."
    elif is_first:
        said += " Please read and accept it; from that day you cannot go on without."
    else:
        said += " It changes something that matters: please read and accept it, or you cannot go on from that day."
    board.post(
        work, "policy.published", "Our privacy policy" if is_first else "Our privacy policy changes",
        "\n\n".join(filter(None, (found.summary, said))), roles=(board.EVERYONE,),
        level=board.WARNING if found.is_material else board.INFO, link="/privacy/", is_binding=True,
        key=f"policy:{found.digest}",
    )  # fmt: skip


def newest(work: Work) -> PolicyVersion | None:
    """Return the version published last, whether it holds already or not."""
    wanted = select(PolicyVersion).where(PolicyVersion.published_at.is_not(None)).order_by(PolicyVersion.id.desc())
    return work.session.scalars(wanted.limit(1)).one_or_none()


def in_force(work: Work) -> PolicyVersion | None:
    """Return the version that holds today."""
    wanted = (
        select(PolicyVersion)
        .where(PolicyVersion.published_at.is_not(None), PolicyVersion.effective_on <= work.clock().date())
        .order_by(PolicyVersion.effective_on.desc(), PolicyVersion.id.desc())
    )
    return work.session.scalars(wanted.limit(1)).one_or_none()


def published(work: Work, most: int = 100) -> list[PolicyVersion]:
    """Return published versions, the newest first."""
    wanted = select(PolicyVersion).where(PolicyVersion.published_at.is_not(None)).order_by(PolicyVersion.id.desc())
    return list(work.session.scalars(wanted.limit(most)))


def by_digest(work: Work, digest: str) -> PolicyVersion:
    """Return the published version of a digest; raise NotFound if there is none."""
    found = None
    if _DIGEST.fullmatch(digest):
        found = work.session.scalars(select(PolicyVersion).where(PolicyVersion.digest == digest)).one_or_none()
    if found is None or found.published_at is None:
        raise NotFound("There is no such version of the policy.")
    return found


def before(work: Work, version: PolicyVersion) -> PolicyVersion | None:
    """Return the version published before `version`."""
    wanted = select(PolicyVersion).where(PolicyVersion.published_at.is_not(None), PolicyVersion.id < version.id)
    return work.session.scalars(wanted.order_by(PolicyVersion.id.desc()).limit(1)).one_or_none()
