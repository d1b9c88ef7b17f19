"""What a site has yet to set up: said while it is so, with what to do, and not a moment longer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectpulse.core.domain.settings import Settings, fresh_secrets, from_mapping
from connectpulse.core.services import setting_up
from connectpulse.core.services.backups import watch
from connectpulse.core.services.notices import mail
from connectpulse.core.services.policy import operator, versions
from connectpulse.house import House
from connectpulse.testing import factories
from tests.unit.core.services.backup_scene import BackedUp

URL = "postgresql://pulse@db.example.org/pulse"


@pytest.fixture
def bare(tmp_path: Path) -> Settings:
    """The settings of a site of which nothing is set but its database and its keys."""
    return from_mapping(fresh_secrets() | {"VAR_DIR": str(tmp_path / "var"), "DATABASE_URL": URL})


@pytest.fixture
def no_mail() -> Iterator[None]:
    mail.use("", "")
    yield
    mail.use("", "")


def said(house: House, settings: Settings) -> dict[str, str]:
    with house.work(factories.ADMINISTRATOR) as work:
        return {each.name: each.sentence for each in setting_up.unset(work, settings)}


def test_a_bare_site_is_told_everything(house: House, bare: Settings, no_mail: None) -> None:
    found = said(house, bare)
    assert list(found) == ["backups", "archive place", "ledger place", "mail", "operator", "policy", "address"]
    assert all(sentence.endswith(".") for sentence in found.values())
    assert "BACKUP_RECIPIENT" in found["backups"]
    assert "ARCHIVE_URL" in found["archive place"]


def test_a_backup_that_was_made_asks_for_a_drill(site: BackedUp) -> None:
    settings = site.settings
    assert said(site.house, settings)["backups"] == "No backup was made yet. Run `connectpulse backup now`."
    made = site.make()
    found = said(site.house, settings)
    assert "backups" not in found
    assert "connectpulse drill" in found["drill"]
    ended = (made.moment + timedelta(hours=1)).isoformat()
    with site.house.work(factories.ADMINISTRATOR) as work:
        watch.keep_report(work, "drills/1", {"ended_at": ended, "backup": made.name, "is_passed": True})
    assert "drill" not in said(site.house, settings)


def test_a_place_counts_where_its_files_outlive_the_disk(house: House, bare: Settings) -> None:
    kept = replace(bare, backup_recipient="age1x", backup_url=f"file://{bare.var_dir}/b", archive_url="s3://pulse/a")
    found = said(house, replace(kept, ledger_url="/mnt/elsewhere/ledger"))
    assert "BACKUP_URL" in found["backup place"]
    assert "archive place" not in found
    assert "ledger place" not in found


def test_mail_is_asked_for_until_it_is_set(house: House, bare: Settings, no_mail: None) -> None:
    assert "MAIL_URL" in said(house, bare)["mail"]
    mail.use("smtp://mail.example.org", "pulse@example.org")
    assert "mail" not in said(house, bare)


def test_operator_and_policy_are_asked_for_until_they_are_there(house: House, bare: Settings) -> None:
    with house.work(factories.ADMINISTRATOR) as work:
        facts = {
            "legal_entity": "IISOL", "address": "1 Mall Road, Lahore", "postal": "P. O. Box 1, Lahore",
            "email": "care@example.org", "phone": "+923001234567", "privacy_inbox": "privacy@example.org",
        }  # fmt: skip
        operator.change(work, facts)
        versions.begin(work)
        today = work.clock().date()
        draft = versions.draft(work)
        assert draft is not None
        given = {"source": draft.source, "revised_on": today, "effective_on": today}
        versions.change(work, given)
    found = said(house, bare)
    assert "operator" not in found
    assert "policy" in found, "a draft is no policy"
    with house.work(factories.ADMINISTRATOR) as work:
        versions.publish(work)
    assert "policy" not in said(house, bare)


def test_keys_that_can_be_guessed_or_are_used_twice_are_named(house: House, bare: Settings) -> None:
    assert "keys" not in said(house, bare)
    assert said(house, replace(bare, secret_key="change-me" * 4))["keys"].startswith("SECRET_KEY can be guessed")
    assert "not all different" in said(house, replace(bare, secret_key=bare.trust_key))["keys"]


def test_keys_made_up_beside_the_database_ask_for_a_copy(house: House, tmp_path: Path) -> None:
    settings = from_mapping({"VAR_DIR": str(tmp_path / "var")})
    found = said(house, settings)["copy of the keys"]
    assert found.startswith("SECRET_KEY, ENCRYPTION_KEYS, TRUST_KEY are kept in VAR_DIR alone")
    own = from_mapping(fresh_secrets() | {"VAR_DIR": str(tmp_path / "var")})
    assert "copy of the keys" not in said(house, own), "what lies there is not what is used"


@pytest.mark.parametrize(
    ("url", "says"),
    [("http://127.0.0.1:8080", "this machine only"), ("http://pulse.example.org", "not https")],
)
def test_an_address_nobody_can_use_safely_is_named(house: House, bare: Settings, url: str, says: str) -> None:
    assert says in said(house, replace(bare, public_url=url))["address"]
    assert "address" not in said(house, replace(bare, public_url="https://pulse.example.org"))
