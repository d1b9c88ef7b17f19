"""What a site has yet to set up: nothing that keeps it from working, and all of it missed once something goes wrong.

`connectpulse check` and the System page read this one list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import exists, select

from ..domain.settings import LOOPBACK, SECRETS, Settings, made_up
from ..storage.models import Drill
from .backups import watch
from .notices import mail
from .policy import operator, versions
from .work import Work

_FEWEST_CHARACTERS = 10
"""How many different characters a key has at least that was not typed in by hand: a random one of 32 has over 20."""


@dataclass(frozen=True, slots=True)
class Unset:
    """One thing that is yet to be set up: what it is about, and what to do. `page` is where in the panel, if there."""

    name: str
    sentence: str
    page: str = ""


def unset(work: Work, settings: Settings) -> list[Unset]:
    """Return what is yet to be set up on this site, in the order of `MATTERS`: platform work."""
    return [each for look in MATTERS for each in look(work, settings)]


def _backups(work: Work, settings: Settings) -> list[Unset]:
    if not settings.backup_recipient:
        return [
            Unset("backups", "No backups are made. Run `connectpulse backup keys`, keep the identity away from this "
                  "machine, and set BACKUP_RECIPIENT.")
        ]  # fmt: skip
    if watch.newest(work) is None:
        return [Unset("backups", "No backup was made yet. Run `connectpulse backup now`.", "/backups/list/")]
    if not work.session.scalar(select(exists(select(Drill.id).where(Drill.is_passed)))):
        said = "No backup was ever brought back for a trial. Run `connectpulse drill` with your identity."
        return [Unset("drill", said, "/backups/list/")]
    return []


def _places(work: Work, settings: Settings) -> list[Unset]:
    places = (
        ("backup place", "BACKUP_URL", settings.backup_url, "Backups", bool(settings.backup_recipient)),
        ("archive place", "ARCHIVE_URL", settings.archive_url, "Archives", True),
        ("ledger place", "LEDGER_URL", settings.ledger_url, "Erasures and checkpoints of the action log", True),
    )
    return [
        Unset(name, f"{what} are kept in VAR_DIR and are lost with this disk. Set {setting} to a folder on another "
              "machine or to an s3:// address.")
        for name, setting, url, what, is_used in places if is_used and _is_within(url, settings.var_dir)
    ]  # fmt: skip


def _is_within(url: str, folder: Path) -> bool:
    path = url.removeprefix("file://")
    return "://" not in path and Path(path).expanduser().absolute().is_relative_to(folder)


def _mail(work: Work, settings: Settings) -> list[Unset]:
    if mail.is_sent_here():
        return []
    said = "No mail is sent: invitations, new passwords and alarms reach nobody. Set MAIL_URL and MAIL_FROM."
    return [Unset("mail", said)]


def _policy(work: Work, settings: Settings) -> list[Unset]:
    found = []
    if missing := operator.missing(operator.facts(work)):
        said = f"Nobody knows who runs this site. Fill in the {', the '.join(missing)} under Platform, Operator."
        found.append(Unset("operator", said, "/operator/"))
    if versions.newest(work) is None:
        said = "No privacy policy is published. Draft it under Platform, Privacy policy, and publish it."
        found.append(Unset("policy", said, "/policy/"))
    return found


def _keys(work: Work, settings: Settings) -> list[Unset]:
    values = {name: _text(settings, name) for name in SECRETS}
    weak = [name for name, value in values.items() if len(set(value)) < _FEWEST_CHARACTERS]
    found = []
    if weak:
        said = f"{' and '.join(weak)} can be guessed. `connectpulse keys` prints fresh ones."
        found.append(Unset("keys", said))
    elif len(set(values.values())) < len(values):
        said = f"{', '.join(SECRETS)} are not all different. `connectpulse keys` prints one for each."
        found.append(Unset("keys", said))
    if kept := [name for name, value in made_up(settings.var_dir).items() if value == values.get(name)]:
        said = (
            f"{', '.join(kept)} are kept in VAR_DIR alone; without them no backup and no archive can be read. "
            "Put a copy of secrets.json where backups are not, or set them in the environment."
        )
        found.append(Unset("copy of the keys", said))
    return found


def _text(settings: Settings, name: str) -> str:
    value = getattr(settings, name.lower())
    return value if isinstance(value, str) else ",".join(value)


def _address(work: Work, settings: Settings) -> list[Unset]:
    parts = urlsplit(settings.public_url)
    if parts.hostname in LOOPBACK:
        said = "PUBLIC_URL leads to this machine only: links in mails and reports of providers do not arrive. Set it."
        return [Unset("address", said)]
    if parts.scheme != "https":
        return [Unset("address", "PUBLIC_URL is not https: passwords can be read on their way. Put TLS before it.")]
    return []


MATTERS: tuple[Callable[[Work, Settings], list[Unset]], ...] = (
    _backups,
    _places,
    _mail,
    _policy,
    _keys,
    _address,
)
