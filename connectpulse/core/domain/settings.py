"""A site's settings as a table: name, meaning, default. `config.py` fills it; nothing else reads them in."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import Misconfigured, Refused
from .form import Field, Form, Kind, read

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts of an address that leads to this machine only."""

SETTINGS: Form = (
    Field(
        "VAR_DIR",
        "Folder for everything the site writes",
        default="var",
        help="Holds the embedded database and generated secrets.",
    ),
    Field(
        "DATABASE_URL",
        "PostgreSQL address",
        default="",
        help="Like postgresql://user:password@host/name. Empty runs the embedded PostgreSQL in VAR_DIR.",
    ),
    Field(
        "DATABASE_WAIT",
        "Seconds a starting web server or worker waits for a database that does not answer",
        Kind.NUMBER,
        default=60,
        low=0,
        high=3600,
    ),
    Field(
        "HUEY_URL",
        "Queue address",
        default="",
        help="A redis:// address (Redis or Valkey). Empty keeps the queue in PostgreSQL.",
    ),
    Field(
        "RATELIMIT_STORAGE_URI",
        "Where rate limits are counted",
        default="memory://",
        help="A redis:// address; needed with more than one web process.",
    ),
    Field(
        "SECRET_KEY",
        "Key that signs cookies and queue entries",
        Kind.SECRET,
        low=32,
        help="At least 32 characters. Generated in VAR_DIR when the embedded database is used.",
    ),
    Field(
        "ENCRYPTION_KEYS",
        "Keys that encrypt stored credentials",
        Kind.SECRET,
        help="Fernet keys, comma-separated: the first encrypts, all decrypt. To rotate, put a new one first.",
    ),
    Field(
        "TRUST_KEY",
        "Key that seals the action log, signs what leaves the house and recognises erased people",
        Kind.SECRET,
        low=32,
        help="At least 32 characters. Never change it, and keep it apart from backups.",
    ),
    Field(
        "ARCHIVE_URL",
        "Where archives are kept",
        default="",
        help="A folder or an s3:// address. Empty keeps them in VAR_DIR.",
    ),
    Field(
        "BACKUP_URL",
        "Where backups are kept",
        default="",
        help="A folder or an s3:// address, best on another machine. Empty keeps them in VAR_DIR.",
    ),
    Field(
        "BACKUP_RECIPIENT",
        "Public key that backups are encrypted for",
        default="",
        help="An age recipient; its secret key stays off this machine. Empty: no backups are made.",
    ),
    Field(
        "BACKUP_EVERY_HOURS",
        "Hours from one backup to the next",
        Kind.NUMBER,
        default=24,
        low=1,
        high=24,
        help="What is lost at most when the database is. Of each day that is over, the last one is kept.",
    ),
    Field(
        "BACKUP_HOUR",
        "Hour of the day that backups are made at",
        Kind.NUMBER,
        default=2,
        low=0,
        high=23,
        help="In UTC.",
    ),
    Field(
        "BACKUP_DAILY",
        "Days whose last backup is kept",
        Kind.NUMBER,
        default=14,
        low=1,
        high=366,
    ),
    Field(
        "BACKUP_WEEKLY",
        "Weeks whose last backup is kept",
        Kind.NUMBER,
        default=8,
        low=0,
        high=104,
    ),
    Field(
        "BACKUP_MONTHLY",
        "Months whose last backup is kept",
        Kind.NUMBER,
        default=12,
        low=0,
        high=120,
        help="An erased person stays in older backups for so long; a restore erases them again.",
    ),
    Field(
        "BACKUP_WAL_DAYS",
        "Days that the embedded database can be turned back to any moment of",
        Kind.NUMBER,
        default=0,
        low=0,
        high=5,
        help="Puts its write-ahead log into BACKUP_URL within about a minute. 0: it is not put away. Erased people "
        "and the log of API requests stay in it for so long and two days more, so for a week at most.",
    ),
    Field(
        "LEDGER_URL",
        "Where erasures and checkpoints of the action log are kept",
        default="",
        help="A folder or an s3:// address outside the backups. Empty keeps them in VAR_DIR.",
    ),
    Field(
        "MAIL_URL",
        "Server that the site's own mail goes out by",
        Kind.SECRET,
        help="Like smtp://user:password@host:587 (STARTTLS) or smtps://host; add ?tls=none for one on this machine. "
        "Empty: no mail is sent.",
    ),
    Field("MAIL_FROM", "Address the site's own mail comes from", default="", help="Needed with MAIL_URL."),
    Field(
        "PUBLIC_URL",
        "Address people and providers reach the site at",
        default="http://127.0.0.1:8080",
        help="Callback addresses begin with it. Use https in production.",
    ),
    Field("WEB_HOST", "Address the web server listens on", Kind.HOST, default="127.0.0.1"),
    Field("WEB_PORT", "Port the web server listens on", Kind.NUMBER, default=8080, low=0, high=65535),
    Field("WEB_PROCESSES", "Web processes", Kind.NUMBER, default=1, low=1, high=64),
    Field("WEB_THREADS", "Threads per web process", Kind.NUMBER, default=8, low=1, high=256),
    Field(
        "TRUSTED_PROXIES",
        "Reverse proxies in front of the web server",
        Kind.NUMBER,
        default=0,
        low=0,
        high=5,
        help="How many hops of X-Forwarded-* to believe. 0 believes none.",
    ),
    Field(
        "METRICS_ALLOW",
        "Networks that may read /metrics",
        default="127.0.0.0/8,::1/128",
        help="Comma-separated CIDR blocks.",
    ),
    Field(
        "EGRESS_ALLOW",
        "Private hosts that providers may be reached at",
        default="",
        help="Comma-separated host names, addresses or CIDR blocks; all other private addresses are refused.",
    ),
    Field(
        "DNS_SERVERS",
        "Name servers that are asked about domains",
        default="",
        help="Comma-separated addresses, with a port where it is not 53. Empty: those of this machine.",
    ),
    Field(
        "MUTED_PLUGINS",
        "Plugins that serve nothing",
        default="",
        help="Comma-separated names. A muted plugin keeps its retention and subject duties.",
    ),
    Field("WORKER_THREADS", "Background tasks a worker runs at once", Kind.NUMBER, default=2, low=1, high=64),
    Field(
        "WORKER_PORT",
        "Port of a worker's health and metrics page",
        Kind.NUMBER,
        default=0,
        low=0,
        high=65535,
        help="0 offers none.",
    ),
    Field(
        "UPLOAD_LIMIT_MB",
        "Largest file that may be uploaded, in megabytes",
        Kind.NUMBER,
        default=512,
        low=1,
        high=10240,
    ),
    Field(
        "FILE_LIMIT_MB",
        "Largest file that templates may use, in megabytes",
        Kind.NUMBER,
        default=25,
        low=1,
        high=100,
    ),
    Field(
        "FILE_QUOTA_MB",
        "Megabytes of files an organisation may keep for its templates",
        Kind.NUMBER,
        default=1024,
        low=1,
        high=102400,
    ),
    Field(
        "LOG_LEVEL",
        "Least important log line that is written",
        Kind.CHOICE,
        default="info",
        choices=(("debug", "Debug"), ("info", "Information"), ("warning", "Warnings"), ("error", "Errors")),
    ),
    Field(
        "LOG_FORMAT",
        "Form of log lines",
        Kind.CHOICE,
        default="console",
        choices=(("console", "For people"), ("json", "For machines")),
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The typed values. Attribute names are the settings' names in lower case."""

    var_dir: Path
    database_url: str
    database_wait: int
    huey_url: str
    ratelimit_storage_uri: str
    secret_key: str
    encryption_keys: tuple[str, ...]
    trust_key: str
    archive_url: str
    backup_url: str
    backup_recipient: str
    backup_every_hours: int
    backup_hour: int
    backup_daily: int
    backup_weekly: int
    backup_monthly: int
    backup_wal_days: int
    ledger_url: str
    mail_url: str
    mail_from: str
    public_url: str
    web_host: str
    web_port: int
    web_processes: int
    web_threads: int
    trusted_proxies: int
    metrics_allow: tuple[str, ...]
    egress_allow: tuple[str, ...]
    dns_servers: tuple[str, ...]
    muted_plugins: frozenset[str]
    worker_threads: int
    worker_port: int
    upload_limit_mb: int
    file_limit_mb: int
    file_quota_mb: int
    log_level: str
    log_format: str

    @property
    def is_embedded(self) -> bool:
        return not self.database_url


def from_mapping(raw: Mapping[str, str]) -> Settings:
    """Return the settings found in `raw` (an environment, say); raise Misconfigured with every fault."""
    names = {field.name for field in SETTINGS}
    try:
        values = read(SETTINGS, {name: value for name, value in raw.items() if name in names})
    except Refused as error:
        raise Misconfigured(f"Settings: {error}") from None
    values["VAR_DIR"] = Path(values["VAR_DIR"]).expanduser().absolute()
    if not all(values[name] for name in SECRETS):
        if values["DATABASE_URL"]:
            raise Misconfigured(
                f"Settings: with a DATABASE_URL of your own, {' and '.join(SECRETS)} must be set, "
                "the same on every machine. `connectpulse keys` prints fresh ones."
            )
        kept = _kept_secrets(values["VAR_DIR"])
        values |= {name: values[name] or kept[name] for name in SECRETS}
    for name in ("ARCHIVE_URL", "BACKUP_URL", "LEDGER_URL"):
        values[name] = values[name] or str(values["VAR_DIR"] / name.partition("_")[0].lower())
    if values["MAIL_URL"] and not values["MAIL_FROM"]:
        raise Misconfigured("Settings: MAIL_URL needs a MAIL_FROM, the address that mail comes from.")
    if values["BACKUP_WAL_DAYS"] and (values["DATABASE_URL"] or not values["BACKUP_RECIPIENT"]):
        raise Misconfigured(
            "Settings: BACKUP_WAL_DAYS needs a BACKUP_RECIPIENT and the embedded database. A server of your own "
            "archives its log itself: see docs/backups.md."
        )
    for name in ("ENCRYPTION_KEYS", "METRICS_ALLOW", "EGRESS_ALLOW", "DNS_SERVERS", "MUTED_PLUGINS"):
        values[name] = tuple(part.strip() for part in values[name].split(",") if part.strip())
    values["MUTED_PLUGINS"] = frozenset(values["MUTED_PLUGINS"])
    if values["WEB_PROCESSES"] > 1 and values["RATELIMIT_STORAGE_URI"].startswith("memory"):
        raise Misconfigured(
            "Settings: with more than one web process, rate limits must be counted in one place. "
            "Set RATELIMIT_STORAGE_URI to a redis:// address, or WEB_PROCESSES to 1."
        )
    return Settings(**{name.lower(): value for name, value in values.items()})


SECRETS = ("SECRET_KEY", "ENCRYPTION_KEYS", "TRUST_KEY")
"""Settings that are made up for a site with the embedded database, and must be given for any other."""


def fresh_secrets() -> dict[str, str]:
    """Return new random values for the secrets of a site."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "TRUST_KEY": secrets.token_urlsafe(48),
    }


def made_up(var_dir: Path) -> dict[str, str]:
    """Return the secrets that were made up for a site with the embedded database; none where it has its own."""
    path = var_dir / _MADE_UP
    return {str(name): str(value) for name, value in json.loads(path.read_text()).items()} if path.is_file() else {}


_MADE_UP = "secrets.json"


def _kept_secrets(var_dir: Path) -> dict[str, str]:
    """Return the secrets of an embedded site, made at its first start and readable by its owner alone."""
    path = var_dir / _MADE_UP
    if not path.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        draft = _draft(path, fresh_secrets())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process was first; its secrets hold
        finally:
            draft.unlink()
    kept: dict[str, str] = json.loads(path.read_text())
    if missing := set(SECRETS) - set(kept):
        fresh = fresh_secrets()
        kept |= {name: fresh[name] for name in missing}
        _draft(path, kept).replace(path)
        kept = json.loads(path.read_text())
    return kept


def _draft(path: Path, values: dict[str, str]) -> Path:
    draft = path.with_suffix(f".{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(values))
    return draft
