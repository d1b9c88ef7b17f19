"""What keeps each sentence of the policy true, and what proves it: tests by their ids, looks at the running site.

A test is named by its file, or by file and function; all of it must have passed. A look is a question to this very
site (`services/evidence/looks.py`). What nothing proves yet is said in `owed`, and is shown as such.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_UNIT: Final = "tests/unit/core/services"
_HOUSE: Final = "tests/house"
_JOURNEYS: Final = "tests/journeys"
_LOG: Final = f"{_UNIT}/action_log"
_KEEPING: Final = f"{_UNIT}/retention"


@dataclass(frozen=True, slots=True)
class Control:
    """One row: the sentence's number in the product's own policy, what keeps it true, and what proves that."""

    number: str
    says: str
    tests: Sequence[str] = ()
    looks: Sequence[str] = ()
    owed: str = ""


CONTROLS: Final[tuple[Control, ...]] = (
    Control("1a", "A policy is not published while the operator's name is missing.",
            (f"{_UNIT}/test_policy.py::test_the_seed_lacks_exactly_its_dates_and_its_contact",
             f"{_UNIT}/test_policy.py::test_what_it_lacks_may_be_filled_in_one_by_one"), ("operator",)),
    Control("1b", "What is collected is declared column by column, and held against what the policy names.",
            (f"{_HOUSE}/test_retention.py", f"{_UNIT}/test_policy.py::test_every_personal_column_of_core_is_of_a_kind",
             f"{_UNIT}/test_policy.py::test_the_check_holds_the_policy_in_force_against_what_is_kept"),
            ("declared", "named")),
    Control("2", "The list of what is collected is closed: a personal column of no kind keeps its plugin out.",
            (f"{_HOUSE}/test_retention.py", "tests/unit/core/test_loader.py",
             f"{_UNIT}/test_policy.py::test_core_with_a_column_of_no_kind_does_not_start",
             f"{_UNIT}/test_policy.py::test_a_policy_that_does_not_name_what_is_kept_is_refused"), ("plugins",)),
    Control("2a", "Passwords are argon2id hashes; secrets are encrypted or digests, and shown to nobody.",
            (f"{_UNIT}/test_passwords.py", "tests/unit/core/storage/test_vault.py", "tests/unit/test_logs.py",
             f"{_HOUSE}/test_unlogged.py",
             f"{_JOURNEYS}/test_access.py::test_no_token_is_kept_as_it_is")),
    Control("2b", "Acts and requests are logged without secrets and contents; each log has its time.",
            (f"{_UNIT}/test_audit_log.py", f"{_UNIT}/test_api_requests.py", "tests/unit/test_logs.py",
             f"{_HOUSE}/test_unlogged.py",
             f"{_HOUSE}/test_retention.py")),
    Control("2c", "Contacts belong to one organisation, which alone sees them.",
            (f"{_HOUSE}/test_tenancy.py", f"{_UNIT}/test_imports.py",
             f"{_HOUSE}/test_matrix.py::test_nobody_reaches_an_object_of_another_organisation")),
    Control("2d", "Sign-ins and sessions are kept with their network and browser, each for the time of its rule.",
            (f"{_UNIT}/test_signing_in.py", f"{_HOUSE}/test_retention.py",
             "tests/unit/web/test_api_door.py::test_only_what_trusted_proxies_say_counts"), ("retention",)),
    Control("2e", "Amounts are exact, and no card number is stored.",
            ("tests/unit/core/domain/test_card_numbers.py", f"{_UNIT}/test_import_card_numbers.py",
             f"{_HOUSE}/test_time.py::test_no_amount_is_a_float",
             f"{_UNIT}/test_quotes.py")),
    Control("3", "Every table says what it is for, and has one rule; every kind of data is read for its uses alone.",
            (f"{_HOUSE}/test_retention.py", f"{_HOUSE}/test_uses_in_code.py", f"{_UNIT}/test_uses.py"), ("declared",)),
    Control("3a", "Upgrades, health checks and restarts lose nothing.",
            ("tests/unit/core/storage/test_migrate.py", "tests/unit/test_metrics.py"), ("database",)),
    Control("3b", "A message is handed over once, or its outcome is called unknown.",
            ("tests/faults/test_faults.py", "tests/faults/test_doubt.py", "tests/faults/test_receipts.py",
             f"{_JOURNEYS}/test_postcards.py", f"{_HOUSE}/test_conformance.py")),
    Control("3c", "Accounts, sessions, second factors and roles: nobody raises their own rights.",
            (f"{_UNIT}/test_signing_in.py", f"{_UNIT}/test_tries.py", f"{_JOURNEYS}/test_access.py",
             f"{_JOURNEYS}/test_passkeys.py", f"{_JOURNEYS}/test_people.py",
             f"{_JOURNEYS}/test_invitations.py",
             f"{_HOUSE}/test_matrix.py::test_nobody_gives_themselves_a_role")),
    Control("3d", "Figures are sums of what happened to messages.",
            (f"{_UNIT}/test_counters.py", f"{_JOURNEYS}/test_reports.py")),
    Control("3e", "Notices in the panel and by mail as each person chose; support requests with a reference.",
            (f"{_UNIT}/test_notices.py", f"{_UNIT}/test_site_mail.py", f"{_UNIT}/test_support.py"), ("mail",)),
    Control("3f", "Locks, rates, pauses, no way to private addresses, and an alarm at inflated traffic.",
            (f"{_UNIT}/test_tries.py", "tests/unit/core/wire/test_egress.py", f"{_UNIT}/test_pacing.py",
             "tests/unit/web/test_api_door.py", f"{_UNIT}/test_traffic.py")),
    Control("3g", "Who asks to be left alone is suppressed at once; legal holds win over rules and erasures.",
            (f"{_UNIT}/test_inbound.py", f"{_UNIT}/test_suppressions.py",
             f"{_KEEPING}/test_archives.py::test_a_hold_on_a_person_wins_over_rules_and_erasure")),
    Control("4", "The schedule is whole: every table has exactly one rule, and rules are applied.",
            (f"{_HOUSE}/test_retention.py::test_every_table_has_exactly_one_rule",
             f"{_KEEPING}/test_retention_engine.py"), ("declared", "retention")),
    Control("4a", "Logs of messages and campaigns go into encrypted archives, each row to exactly one place.",
            (f"{_KEEPING}/test_archives.py", f"{_KEEPING}/test_retention_engine.py",
             "tests/faults/test_retention_kills.py"), ("retention",)),
    Control("4b", "Requests of the API are gone after seven days, and are in no backup.",
            (f"{_UNIT}/test_backups.py::test_rows_that_may_not_outlive_their_time_are_left_out",
             f"{_UNIT}/test_drills.py::test_rows_that_should_have_been_left_out_are_found",
             f"{_UNIT}/test_api_requests.py::test_the_rule_is_what_the_policy_promises",
             f"{_KEEPING}/test_retention_engine.py", f"{_KEEPING}/test_retention_clock.py"), ("api log", "retention")),
    Control("4c", "A closed organisation is erased after its time of grace, and not before.",
            (f"{_JOURNEYS}/test_keeping.py::test_a_closed_organisation_is_erased_after_its_grace_and_not_before",)),
    Control("4d", "Deletion can be asked for at a public form, in the panel and by the API, and has a due date.",
            (f"{_UNIT}/test_subject_requests.py", f"{_JOURNEYS}/test_rights_pages.py",
             "tests/unit/web/test_requests_by_key.py::test_a_request_of_a_person_is_taken_in_and_seen"), ("requests",)),
    Control("5", "The measures below, rules about the code itself, and a map of the OWASP ASVS with what is missing.",
            (f"{_HOUSE}/test_imports.py", f"{_HOUSE}/test_files.py", f"{_HOUSE}/test_matrix.py",
             f"{_HOUSE}/test_asvs_page.py")),
    Control("5a", "HTTPS for people, verified TLS towards providers.",
            ("tests/unit/core/wire/test_egress.py", f"{_HOUSE}/test_routes.py::test_headers_of_every_answer",
             f"{_JOURNEYS}/test_hardening.py",
             "tests/unit/web/test_api_door.py::test_http_is_refused_where_the_site_has_https"), ("https",)),
    Control("5b", "Keys of the API have networks and limits, which close when they cannot be counted.",
            (f"{_UNIT}/test_api_keys.py", "tests/unit/web/test_api_door.py",
             f"{_HOUSE}/test_routes.py::test_sign_in_is_limited")),
    Control("5c", "Roles are code; every route is tried with every role, on one's own and on what is another's.",
            (f"{_HOUSE}/test_matrix.py", f"{_HOUSE}/test_routes.py", f"{_HOUSE}/test_tenancy.py",
             f"{_UNIT}/test_four_eyes.py")),
    Control("5d", "Daily backups, encrypted for a key that is elsewhere, and drills that restore them.",
            (f"{_UNIT}/test_backups.py", f"{_UNIT}/test_backup_watch.py", f"{_UNIT}/test_restoring.py",
             f"{_UNIT}/test_drills.py"), ("backup", "drill")),
    Control("5e", "Every act is written down in its own transaction, in a chain that shows what was changed.",
            (f"{_HOUSE}/test_audit.py", f"{_HOUSE}/test_witnessed.py", f"{_UNIT}/test_audit_log.py", _LOG,
             "tests/unit/core/storage/test_sealing.py", f"{_JOURNEYS}/test_auditors.py"), ("acts", "chains")),
    Control("6a", "A provider says which hosts it sends which fields to, and is held to it.",
            (f"{_HOUSE}/test_conformance.py", "tests/unit/core/wire/test_egress.py",
             f"{_UNIT}/test_agreements.py::test_the_public_page_lists_companies_and_no_machines")),
    Control("6b", "Nothing is sent over a connection without an agreement that holds.",
            (f"{_UNIT}/test_agreements.py",), ("agreements",)),
    Control("7", "Requests are answered within a calendar month, and who answers is reminded.",
            ("tests/unit/core/domain/test_rights.py",
             f"{_UNIT}/test_subject_requests.py::test_time_runs_by_the_calendar_and_is_put_off_once",
             f"{_UNIT}/test_subject_requests.py::test_those_who_answer_are_reminded_in_time_and_once"), ("requests",)),
    Control("7a", "A copy holds a person's values from every personal column, and is opened once.",
            (f"{_UNIT}/test_canaries.py", f"{_KEEPING}/test_archived_people.py",
             f"{_UNIT}/test_subject_requests.py::test_a_copy_is_whole_signed_and_opened_once",
             f"{_HOUSE}/test_retention.py::test_a_person_is_found_and_forgotten_in_every_personal_column")),
    Control("7b", "What is wrong is corrected where it is kept, and what is sent next says it right.",
            (f"{_UNIT}/test_subject_requests.py::test_a_correction_reaches_what_is_sent_next",)),
    Control("7c", "A person is erased everywhere, also in what is restored, and nobody else is touched.",
            (f"{_UNIT}/test_erasure.py", f"{_UNIT}/test_canaries.py", f"{_KEEPING}/test_archived_people.py",
             f"{_UNIT}/test_restoring.py::test_who_was_erased_after_the_backup_is_erased_again",
             f"{_HOUSE}/test_retention.py::test_a_person_is_found_and_forgotten_in_every_personal_column",
             f"{_HOUSE}/test_retention.py::test_nobody_else_is_touched")),
    Control("7d", "Objections and restrictions hold while a campaign runs.",
            (f"{_UNIT}/test_subject_requests.py::test_an_objection_and_a_restriction_hold_at_once",
             f"{_UNIT}/test_erasure.py::test_who_objects_in_mid_run_is_left_out_by_the_next_claim",
             f"{_UNIT}/test_suppressions.py", f"{_UNIT}/test_inbound.py")),
    Control("8a", "Versions of the policy are kept by their digest, and nothing changes once published.",
            (f"{_UNIT}/test_policy.py::test_the_database_itself_keeps_what_was_published",
             f"{_UNIT}/test_policy.py::test_a_text_has_one_canonical_form"), ("policy",)),
    Control("8b", "Changes are posted with their dates on a public page, announced, and can be compared.",
            ("tests/unit/web/test_consent_gate.py", f"{_JOURNEYS}/test_promises.py",
             f"{_UNIT}/test_policy.py::test_a_later_version_is_later_and_gives_notice"), ("policy",)),
    Control("8c", "Who goes on after a change has accepted it; a material one needs a button.",
            (f"{_UNIT}/test_acceptance.py", "tests/unit/web/test_consent_gate.py")),
    Control("9", "There is somebody to write to, and the public form reaches them.",
            (f"{_UNIT}/test_support.py",
             f"{_UNIT}/test_policy.py::test_the_seed_lacks_exactly_its_dates_and_its_contact"),
            ("operator",)),
)  # fmt: skip
