"""Which kind of personal data core's own columns hold, where their names do not tell; by table and column."""

from collections.abc import Mapping
from typing import Final

from ..domain.personal import Personal

KINDS: Final[Mapping[str, Mapping[str, Personal]]] = {
    "pulse_campaign": dict.fromkeys(("created_by", "launched_by", "approved_by"), Personal.NAME),
    "pulse_import": {"created_by": Personal.NAME},
    "pulse_file": {"created_by": Personal.NAME},
    "pulse_template_version": {"created_by": Personal.NAME},
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
    "pulse_stray": dict.fromkeys(("address", "body"), Personal.MESSAGE_LOG),
    "pulse_quote": {"sample": Personal.MESSAGE_LOG},
    "pulse_session": {"address": Personal.NETWORK},
    "pulse_sign_in": {"address": Personal.NETWORK, "network": Personal.NETWORK},
    "pulse_passkey": {"name": Personal.DEVICE},
    "pulse_api_request": {"address": Personal.NETWORK, "agent": Personal.BROWSER},
    "pulse_hold": {"value": Personal.CONTACT_ADDRESS, "placed_by": Personal.ACTIVITY},
    "pulse_archive_export": {"address": Personal.CONTACT_ADDRESS, "asked_by": Personal.ACTIVITY},
    "pulse_subject_request": {
        "address": Personal.CONTACT_ADDRESS,
        "name": Personal.NAME,
        **dict.fromkeys(("message", "wanted", "proof"), Personal.ACTIVITY),
    },
    "pulse_audit": dict.fromkeys(("object_name", "detail"), Personal.ACTIVITY),
}
