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


@dataclass(frozen=True, slots=True)
class Control:
    """One row: the sentence's number in the product's own policy, what keeps it true, and what proves that."""

    number: str
    says: str
    tests: Sequence[str] = ()
    looks: Sequence[str] = ()
    owed: str = ""


CONTROLS: Final[tuple[Control, ...]] = (
    Control("1a", "The operator's name stands on the policy.", owed="that the operator is named"),
    Control("1b", "What is collected is declared column by column, each table with its purpose.",
            (f"{_HOUSE}/test_retention.py",), ("declared",)),
    Control("2", "The list of what is collected is closed: a personal column nobody answers for keeps its plugin out.",
            (f"{_HOUSE}/test_retention.py", "tests/unit/core/test_loader.py"), ("plugins",)),
    Control("2a", "Passwords are hashed; secrets are encrypted, and shown to nobody.",
            ("tests/unit/core/storage/test_vault.py", "tests/unit/commands/test_accounts.py")),
    Control("2b", "Acts are logged without secrets; each log has its time.",
            (f"{_UNIT}/test_audit_log.py", f"{_HOUSE}/test_retention.py")),
    Control("2c", "Contacts belong to one organisation, which alone sees them.",
            (f"{_HOUSE}/test_tenancy.py", f"{_UNIT}/test_imports.py")),
    Control("2d", "Sign-in and access facts have a log of their own, which ends by its rule.",
            owed="the sign-in log"),
    Control("2e", "Amounts are exact, and no card number is stored.", owed="the ledger of units and the card detector"),
    Control("3", "Every table says what it is for, and has one rule.", (f"{_HOUSE}/test_retention.py",), ("declared",)),
    Control("3a", "Upgrades, health checks and restarts lose nothing.",
            ("tests/unit/core/storage/test_migrate.py", "tests/unit/test_metrics.py"), ("database",)),
    Control("3b", "A message is handed over once, or its outcome is called unknown.",
            ("tests/faults", f"{_JOURNEYS}/test_postcards.py", f"{_HOUSE}/test_conformance.py")),
    Control("3c", "Accounts, sessions and roles: nobody raises their own rights.",
            (f"{_JOURNEYS}/test_people.py", f"{_HOUSE}/test_routes.py")),
    Control("3d", "Figures are sums of what happened to messages.", (f"{_UNIT}/test_counters.py",)),
    Control("3e", "Notices in the panel; mail that is tried for a day.", (f"{_UNIT}/test_site_mail.py",), ("mail",)),
    Control("3f", "Rates, suppressions, pauses, and no way to private addresses.",
            ("tests/unit/core/wire/test_egress.py", f"{_UNIT}/test_pacing.py")),
    Control("3g", "Who asks to be left alone is suppressed at once.",
            (f"{_UNIT}/test_inbound.py", f"{_UNIT}/test_suppressions.py")),
    Control("4", "The schedule is whole: every table has exactly one rule.",
            (f"{_HOUSE}/test_retention.py::test_every_table_has_exactly_one_rule",), ("declared",)),
    Control("4a", "Logs of messages and campaigns are archived.", owed="runs of the archive"),
    Control("4b", "Requests of the API are gone after seven days, and are in no backup.",
            (f"{_UNIT}/test_backups.py::test_rows_that_may_not_outlive_their_time_are_left_out",
             f"{_UNIT}/test_restoring.py::test_rows_that_should_have_been_left_out_are_found"), ("api log",)),
    Control("4c", "Accounts stay for their duration, then for a time of grace.", owed="the closing of accounts"),
    Control("4d", "Deletion can be asked for, and has a due date.", owed="the intake of requests"),
    Control("5", "The measures below, and rules about the code itself.",
            (f"{_HOUSE}/test_imports.py", f"{_HOUSE}/test_routes.py")),
    Control("5a", "HTTPS for people, verified TLS towards providers.",
            ("tests/unit/core/wire/test_egress.py", f"{_HOUSE}/test_routes.py::test_headers_of_every_answer"),
            ("https",)),
    Control("5b", "Networks and rates per key of the API.",
            (f"{_HOUSE}/test_routes.py::test_sign_in_is_limited",), owed="keys of the API"),
    Control("5c", "Roles are code; every route is tried with every role.",
            (f"{_HOUSE}/test_routes.py", f"{_HOUSE}/test_tenancy.py", f"{_UNIT}/test_four_eyes.py")),
    Control("5d", "Daily backups, encrypted for a key that is elsewhere, and drills that restore them.",
            (f"{_UNIT}/test_backups.py", f"{_UNIT}/test_restoring.py"), ("backup", "drill")),
    Control("5e", "Every act is written down in its own transaction.",
            (f"{_HOUSE}/test_audit.py", f"{_UNIT}/test_audit_log.py", f"{_JOURNEYS}/test_action_log.py"), ("acts",)),
    Control("6a", "A provider says which hosts it sends which fields to, and is held to it.",
            (f"{_HOUSE}/test_conformance.py", "tests/unit/core/wire/test_egress.py")),
    Control("6b", "No connection without an agreement.", owed="the register of agreements"),
    Control("7", "Requests are answered within a calendar month.", owed="due dates of requests"),
    Control("7a", "A person's rows are found in every personal column.",
            (f"{_HOUSE}/test_retention.py::test_a_person_is_found_and_forgotten_in_every_personal_column",)),
    Control("7b", "What is wrong is corrected where it is kept.", owed="the correction of a person's rows"),
    Control("7c", "A person is erased everywhere, also in what is restored, and nobody else is touched.",
            (f"{_HOUSE}/test_retention.py::test_a_person_is_found_and_forgotten_in_every_personal_column",
             f"{_HOUSE}/test_retention.py::test_nobody_else_is_touched")),
    Control("7d", "Objections and restrictions hold while a campaign runs.",
            (f"{_UNIT}/test_suppressions.py", f"{_UNIT}/test_inbound.py")),
    Control("8a", "Versions of the policy are kept by their digest.", owed="versions of the policy"),
    Control("8b", "Changes are posted with their date.", owed="the public page of the policy"),
    Control("8c", "Who goes on after a change has accepted it.", owed="acceptances"),
    Control("9", "There is somebody to write to.", owed="the contact of the operator"),
)  # fmt: skip
