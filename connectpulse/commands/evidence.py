"""Writing and checking the evidence of the policy."""

import os
from pathlib import Path

from ..core.domain.settings import Settings
from ..core.services.evidence import bundle
from ..core.storage import guard
from ..core.storage.trust import trust
from ..house import House
from . import site

verify = bundle.verify


def write(house: House, into: Path, tests: Path | None) -> dict[str, int]:
    """Write the bundle to a file; return how many sentences stand how."""
    house.require_database()
    record = bundle.read_tests(tests or bundle.tests_of(house.settings.var_dir))
    with house.work(site.operator()) as work, guard.platform_scope(work.session, "gather the evidence of the policy"):
        content = bundle.export(work, record, house.settings.public_url)
    draft = into.with_name(f"{into.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(into)
    summary: dict[str, int] = bundle.verify(content, trust.public_key)["summary"]
    return summary


def public_key(settings: Settings) -> str:
    """Return this site's public key."""
    trust.set(settings.trust_key)
    return trust.public_key
