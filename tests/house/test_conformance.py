"""Every plugin here passes the conformance kit, and the kit is red where a promise is broken."""

import re
import shutil
from pathlib import Path

import pytest

from connectpulse.testing.conformance import specimen
from tests.house import code
from tests.plugins import installing

pytestmark = pytest.mark.slow

BUILT_IN = sorted(specimen.installed())
PLUGINS = code.ROOT / "tests" / "plugins"

MUST_FAIL = {
    "test_loading": {
        "test_it_says_who_it_is",
        "test_it_comes_through_the_door",
    },
    "test_tables": {
        "test_its_migrations_make_exactly_its_tables",
        "test_its_migrations_leave_no_drift",
        "test_its_tables_belong_to_organisations_or_say_why_not",
        "test_its_personal_columns_are_declared",
    },
    "test_duties": {
        "test_a_rule_counts_age_from_a_moment_or_a_number",
        "test_a_rule_says_how_long_and_why",
        "test_a_rules_condition_is_sql",
        "test_nobodys_data_is_nothing",
    },
    "test_channels": {
        "test_it_normalises_once_and_for_all",
        "test_it_refuses_what_is_no_address",
        "test_it_refuses_unknown_placeholders",
        "test_it_refuses_malformed_placeholders",
        "test_it_previews_what_is_not_finished",
        "test_it_renders_for_anybody",
        "test_it_renders_its_sample",
        "test_its_senders_are_checked",
        "test_it_hears_a_stop",
    },
    "test_providers": {
        "test_its_secrets_are_secret",
        "test_its_presets_fit_its_form",
        "test_it_says_what_leaves_the_house",
        "test_its_tables_speak_our_language",
        "test_it_says_what_to_do_about_a_lost_answer",
        "test_it_can_what_it_says",
        "test_it_refuses_forged_callbacks",
        "test_nonsense_makes_no_other_error",
    },
    "test_faces": {
        "test_a_verb_reads_as_a_sentence",
        "test_its_verbs_are_declared",
        "test_a_health_check_answers_within_a_second",
        "test_a_card_costs_one_statement",
    },
}
"""What the kit must say about the faulty plugin, by file."""


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_installed_plugin_passes_its_kit(name: str, lent: installing.Lent) -> None:
    done = installing.run_kit(name, code.ROOT, code.ROOT, lent)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_a_channel_of_one_file_passes_its_kit(tmp_path: Path, lent: installing.Lent) -> None:
    project = tmp_path / "postcard"
    project.mkdir()
    shutil.copy(PLUGINS / "postcard.py", project / "connectpulse_postcard.py")
    (project / "pyproject.toml").write_text(
        '[project]\nname = "connectpulse-postcard"\nversion = "1.0"\n'
        '[project.entry-points."connectpulse.plugins"]\npostcard = "connectpulse_postcard:PostcardPlugin"\n'
    )
    name = installing.install(project, tmp_path / "site")
    done = installing.run_kit(name, project, tmp_path / "site", lent)
    assert done.returncode == 0, done.stdout


def test_broken_promises_are_red(tmp_path: Path, lent: installing.Lent) -> None:
    name = installing.install(PLUGINS / "faulty", tmp_path)
    done = installing.run_kit(name, PLUGINS / "faulty", tmp_path, lent)
    assert done.returncode == 1, done.stdout
    failed = set(re.findall(r"^FAILED \S*?(test_\w+)\.py::(\w+)", done.stdout, re.MULTILINE))
    expected = {(file, test) for file, tests in MUST_FAIL.items() for test in tests}
    assert expected - failed == set(), done.stdout


def test_a_plugin_that_is_not_there_is_said_to_be_so(tmp_path: Path, lent: installing.Lent) -> None:
    done = installing.run_kit("nothing", tmp_path, tmp_path, lent)
    assert done.returncode != 0
    assert f"No plugin 'nothing' is installed. Installed: {', '.join(BUILT_IN)}" in done.stdout
