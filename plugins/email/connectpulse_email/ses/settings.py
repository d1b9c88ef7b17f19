"""What an administrator is asked for: an access key, a configuration set, and the topic that events come through."""

import re
from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Field, Form, Kind

from ..hosted.settings import network

FORM: Final[Form] = (
    Field("region", "Region", help="Like eu-central-1.", is_required=True, high=30, group="Account"),
    Field("access_key_id", "Access key ID", help="Of a user who may ses:SendRawEmail, ses:SendEmail and "
          "ses:GetAccount, and nothing else.", is_required=True, high=128, group="Account"),
    Field("secret_access_key", "Secret access key", Kind.SECRET, is_required=True, high=200, group="Account"),
    Field("configuration_set", "Configuration set", help="Its event destination is the topic below.", high=64,
          group="Events"),
    Field("topic_arn", "Topic (ARN)", help="Of Amazon SNS. Without it no event is taken, and letters stay accepted.",
          high=300, group="Events"),
    *network("", "US"),
)  # fmt: skip

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    f"Amazon SES, {place}": {"region": region, "countries": country}
    for place, region, country in (
        ("N. Virginia", "us-east-1", "US"),
        ("Oregon", "us-west-2", "US"),
        ("Frankfurt", "eu-central-1", "DE"),
        ("Ireland", "eu-west-1", "IE"),
        ("Mumbai", "ap-south-1", "IN"),
        ("Singapore", "ap-southeast-1", "SG"),
        ("Bahrain", "me-south-1", "BH"),
    )
}

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+){1,2}-\d{1,2}")
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:([a-z]{2}(?:-[a-z]+){1,2}-\d{1,2}):\d{12}:[A-Za-z0-9_-]{1,256}")


def endpoint(region: str) -> str:
    """Return the address of SES in a region."""
    return f"https://email.{region}.amazonaws.com"


def host_of_topic(arn: str) -> str:
    """Return the only host that may speak for a topic, empty for what is none."""
    found = _TOPIC.fullmatch(arn)
    return f"sns.{found[1]}.amazonaws.com" if found else ""


def faults(settings: Mapping[str, Any]) -> list[str]:
    """Return one sentence per setting that cannot be right."""
    found = []
    if not _REGION.fullmatch(settings["region"]):
        found.append("Region: write its code, like eu-central-1.")
    if not re.fullmatch("[A-Za-z0-9]{16,128}", settings["access_key_id"]):
        found.append("Access key ID: write AKIA and the letters and digits that follow it.")
    if settings["configuration_set"] and not re.fullmatch("[A-Za-z0-9_-]{1,64}", settings["configuration_set"]):
        found.append("Configuration set: its name has letters, digits, _ and - only.")
    if settings["topic_arn"] and not host_of_topic(settings["topic_arn"]):
        found.append("Topic: write its ARN, like arn:aws:sns:eu-central-1:123456789012:letters.")
    if bool(settings["topic_arn"]) != bool(settings["configuration_set"]):
        found.append("Events: fill in both the configuration set and the topic, or neither.")
    return found
