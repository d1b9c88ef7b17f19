"""Settings: read from any mapping, refused all at once, secrets kept where only their owner reads."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectpulse.core.domain.settings import SETTINGS, Settings, fresh_secrets, from_mapping
from connectpulse.core.errors import Misconfigured

OWN = fresh_secrets() | {"DATABASE_URL": "postgresql://host/pulse"}


def test_a_site_of_its_own_needs_no_setting(tmp_path: Path) -> None:
    settings = from_mapping({"VAR_DIR": str(tmp_path), "HOME": "is none of ours"})
    assert settings.is_embedded
    assert (settings.web_port, settings.log_level, settings.web_processes) == (8080, "info", 1)


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    def read(_: int) -> Settings:
        return from_mapping({"VAR_DIR": str(tmp_path / "new")})

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda n: (read(n).secret_key, read(n).encryption_keys), range(16)))
    assert len(found) == 1
    kept = tmp_path / "new" / "secrets.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secrets.json"]


def test_a_database_of_ones_own_wants_secrets_of_ones_own() -> None:
    with pytest.raises(Misconfigured, match="connectpulse keys"):
        from_mapping({"DATABASE_URL": "postgresql://host/pulse"})
    assert not from_mapping(OWN).is_embedded


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(Misconfigured) as caught:
        from_mapping(OWN | {"WEB_PORT": "http", "LOG_LEVEL": "loud", "SECRET_KEY": "short"})
    assert all(word in str(caught.value) for word in ("'http'", "'loud'", "at least 32"))


def test_several_web_processes_count_limits_in_one_place() -> None:
    with pytest.raises(Misconfigured, match="RATELIMIT_STORAGE_URI"):
        from_mapping(OWN | {"WEB_PROCESSES": "2"})
    assert from_mapping(OWN | {"WEB_PROCESSES": "2", "RATELIMIT_STORAGE_URI": "redis://host"}).web_processes == 2


def test_lists_are_read_as_lists() -> None:
    settings = from_mapping(OWN | {"MUTED_PLUGINS": "acme, sms,", "EGRESS_ALLOW": "10.0.0.0/8"})
    assert settings.muted_plugins == {"acme", "sms"}
    assert settings.egress_allow == ("10.0.0.0/8",)
    assert settings.metrics_allow == ("127.0.0.0/8", "::1/128")


def test_every_setting_has_its_typed_value() -> None:
    assert [each.name.lower() for each in SETTINGS] == list(Settings.__dataclass_fields__)
