"""Which kind of personal data core's own columns hold, where their names do not tell; by table and column."""

from collections.abc import Mapping
from typing import Final

from ..domain.personal import Personal

KINDS: Final[Mapping[str, Mapping[str, Personal]]] = {
    "pulse_contact": dict.fromkeys(("name", "fields", "timezone"), Personal.CONTACT_DETAILS),
    "pulse_address": {"value": Personal.CONTACT_ADDRESS},
    "pulse_suppression": {"value": Personal.CONTACT_ADDRESS},
    "pulse_consent": {"value": Personal.CONTACT_ADDRESS, "evidence": Personal.CONTACT_DETAILS},
    "pulse_import_chunk": {"content": Personal.CONTACT_DETAILS},
    "pulse_import_fault": {"value": Personal.CONTACT_DETAILS},
    "pulse_message": dict.fromkeys(("address", "body", "extra"), Personal.MESSAGE_LOG),
    "pulse_receipt": {"address": Personal.MESSAGE_LOG},
    "pulse_inbound": dict.fromkeys(("address", "body"), Personal.MESSAGE_LOG),
    "pulse_callback": dict.fromkeys(("url", "body"), Personal.MESSAGE_LOG),
    "pulse_audit": dict.fromkeys(("object_name", "detail"), Personal.ACTIVITY),
}
