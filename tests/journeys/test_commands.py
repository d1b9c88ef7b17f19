"""What a person types, as real processes on a database of their own: and afterwards nothing is left running."""

import re

import pytest

from connectpulse.core.storage.embedded import free_port

from .command_site import Site, refused


@pytest.mark.slow
def test_a_site_from_nothing_to_in_order(site: Site) -> None:
    behind = site.type("check")
    assert behind.returncode == 1
    assert "Run `connectpulse upgrade`." in behind.stderr.splitlines()
    assert refused(site.type("web", WEB_PORT=str(free_port()))).endswith("Run `connectpulse upgrade`.")
    assert site.type("upgrade").stdout == "The database is up to date now.\n"
    assert site.type("upgrade").stdout == "The database was up to date.\n"
    works = site.type("check")
    assert works.returncode == 0
    assert works.stdout == "It works; what is yet to be set up is said above.\n"
    assert "Yet to be set up: No backups are made. Run `connectpulse backup keys`" in works.stderr
    made = site.type(
        "create-administrator", "--username", "root", "--email", "r@x.org", "--name", "Rabia", "--generate"
    )
    assert re.search(r"Password, shown this once: (\w{4}-){4}\w{4}\n", made.stdout)
    assert site.processes() == {}


@pytest.mark.slow
def test_the_embedded_database_stays_when_it_is_asked_to(site: Site) -> None:
    assert site.type("database", "start").stdout == "The database runs.\n"
    assert site.processes()
    assert site.type("upgrade").returncode == 0
    assert site.type("database", "url").stdout.startswith("postgresql://pulse:")
    assert site.processes()
    assert site.type("database", "stop").stdout == "The database is stopped.\n"
    assert site.processes() == {}
    assert site.type("database", "stop").stdout == "The database was not running.\n"


def test_secrets_are_fresh_each_time(site: Site) -> None:
    first, second = site.type("keys").stdout, site.type("keys").stdout
    assert [line.partition("=")[0] for line in first.splitlines()] == ["SECRET_KEY", "ENCRYPTION_KEYS", "TRUST_KEY"]
    assert not set(first.splitlines()) & set(second.splitlines())


def test_every_fault_of_the_settings_is_said_in_one_sentence(site: Site) -> None:
    said = refused(site.type("check", WEB_PORT="eighty", LOG_LEVEL="loud"))
    assert "'eighty' is not a whole number" in said
    assert "'loud' is not one of" in said


def test_a_database_that_does_not_answer_is_said_without_its_password(site: Site) -> None:
    secrets = dict(line.split("=", 1) for line in site.type("keys").stdout.splitlines())
    url = f"postgresql://pulse:hidden-word@127.0.0.1:{free_port()}/pulse"
    for command in ("check", "upgrade", "worker"):
        said = refused(site.type(command, DATABASE_URL=url, DATABASE_WAIT="0", **secrets))
        assert said.startswith("The database does not answer:")
        assert "hidden-word" not in said
    assert "not ours" in refused(site.type("database", "stop", DATABASE_URL=url, **secrets))


@pytest.mark.parametrize(
    ("text", "says"),
    [("import nowhere", "No module named 'nowhere'"), ("settings = {}", "does not define `settings`")],
)
def test_a_config_file_that_cannot_be_used_is_named(site: Site, text: str, says: str) -> None:
    (site.folder / "config.py").write_text(text)
    said = refused(site.type("check"))
    assert "config.py" in said
    assert says in said
