"""How people prove who they are: sessions, second factors, links by mail, wrong attempts, and what came of each."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, LargeBinary, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import CreatedAt, Moment, Table, metadata
from ..vault import Encrypted

_MOMENT = DateTime(timezone=True)

_accounts = metadata.tables["ab_user"].columns
# People type their names in any case; without these every sign-in would read all accounts.
Index("ix_ab_user_username_lower", func.lower(_accounts.username))
Index("ix_ab_user_email_lower", func.lower(_accounts.email))


def _id() -> Any:
    return mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)


def _user() -> Any:
    return mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))


class UserSession(Table):
    """One browser that is signed in. `token_hash` is the SHA-256 of what its cookie holds.

    `is_half` is a session whose password was right and whose second factor is still due; it opens nothing.
    `proven_at` is when its person last proved who they are. It is over once `ended_at` is set; `why` says by what.
    """

    __tablename__ = "pulse_session"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_pulse_session_open", "user_id", postgresql_where=text("ended_at IS NULL")),
        Index(None, "user_id", "id"),
    )

    id: Mapped[int] = _id()
    user_id: Mapped[int] = _user()
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    is_half: Mapped[bool] = mapped_column(default=False, server_default="false")
    way: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(60))
    device: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[Moment]
    proven_at: Mapped[Moment]
    seen_at: Mapped[Moment]
    ended_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    why: Mapped[str] = mapped_column(String(60), default="", server_default="")


class AccountState(Table):
    """What is known of an account beside its row in ab_user: whether it must choose a new password, and its TOTP.

    `totp` holds {"secret": base32}, encrypted; it counts once `totp_at` is set. `totp_step` is the last time step
    (RFC 6238) whose code was used, so that no code is used twice.
    """

    __tablename__ = "pulse_account"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    must_change: Mapped[bool] = mapped_column(default=False, server_default="false")
    totp: Mapped[dict[str, Any] | None] = mapped_column(Encrypted)
    totp_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[CreatedAt]


class RecoveryCode(Table):
    """A code that replaces a lost second factor once. `code_hash` is keyed; the code was shown once."""

    __tablename__ = "pulse_recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    id: Mapped[int] = _id()
    user_id: Mapped[int] = _user()
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    created_at: Mapped[CreatedAt]


class Passkey(Table):
    """A WebAuthn credential. Its private key never leaves the person's device."""

    __tablename__ = "pulse_passkey"
    __table_args__ = (UniqueConstraint("webauthn_id"), Index(None, "user_id"))

    id: Mapped[int] = _id()
    user_id: Mapped[int] = _user()
    webauthn_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[Moment]
    used_at: Mapped[datetime | None] = mapped_column(_MOMENT)


class AccessChange(Table):
    """Somebody or some key may do less than before, and the ledger's store has to be told; see `ways_in`.

    `kind` is `user`, `key` or `member`, `subject_id` the number of its row.
    """

    __tablename__ = "pulse_access_change"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    changed_at: Mapped[CreatedAt]
    lease_until: Mapped[datetime | None] = mapped_column(_MOMENT)


class Challenge(Table):
    """A random word a passkey must sign, once and within minutes. `user_id` empty is a sign-in by a stranger."""

    __tablename__ = "pulse_challenge"

    id: Mapped[int] = _id()
    user_id: Mapped[int | None] = _user()
    word: Mapped[bytes] = mapped_column(LargeBinary)
    purpose: Mapped[str] = mapped_column(String(20))
    expires_at: Mapped[Moment]


class Invitation(Table):
    """An offer to join, by a link that works once. `organisation_id` empty is a role on the platform.

    `names` of the invited are a proposal; whoever accepts may write them otherwise.
    """

    __tablename__ = "pulse_invitation"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index(None, "organisation_id", "id"),
        Index(
            "uq_pulse_invitation_open", text("lower(email)"), text("coalesce(organisation_id, 0)"), unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = _id()
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("pulse_organisation.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    email: Mapped[str] = mapped_column(String(320))
    first_name: Mapped[str] = mapped_column(String(64), default="", server_default="")
    last_name: Mapped[str] = mapped_column(String(64), default="", server_default="")
    role: Mapped[str] = mapped_column(String(40))
    invited_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    ended_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    why: Mapped[str] = mapped_column(String(20), default="", server_default="")

    def __repr__(self) -> str:
        return f"{self.email} ({self.role})"


class PasswordReset(Table):
    """A link by which an account's owner chooses a new password, once."""

    __tablename__ = "pulse_password_reset"
    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "user_id"))

    id: Mapped[int] = _id()
    user_id: Mapped[int] = _user()
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    used_at: Mapped[datetime | None] = mapped_column(_MOMENT)


class WrongTries(Table):
    """How often signing in went wrong in a row, by account, network or device. `key` is a keyed hash of which."""

    __tablename__ = "pulse_wrong_tries"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    count: Mapped[int]
    closed_until: Mapped[Moment]
    updated_at: Mapped[Moment]


class KnownDevice(Table):
    """A browser an account signed in with before; its cookie holds the token whose hash this is."""

    __tablename__ = "pulse_known_device"
    __table_args__ = (UniqueConstraint("user_id", "token_hash"),)

    id: Mapped[int] = _id()
    user_id: Mapped[int] = _user()
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    device: Mapped[str] = mapped_column(String(120))
    seen_at: Mapped[Moment]


class SignIn(Table):
    """One attempt to sign in, and what came of it. `user_id` is empty where nobody of that name exists.

    The name that was typed is not kept: people type passwords there. `network` is what attempts are counted by.
    """

    __tablename__ = "pulse_sign_in"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index("ix_pulse_sign_in_network", "user_id", "network", postgresql_where=text("is_good")),
    )

    id: Mapped[int] = _id()
    user_id: Mapped[int | None] = _user()
    is_good: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(60))
    network: Mapped[str] = mapped_column(String(60))
    device: Mapped[str] = mapped_column(String(120))
    at: Mapped[Moment]


class SecondFactorRule(Table):
    """A role whose holders must have a second factor."""

    __tablename__ = "pulse_second_factor_rule"

    role: Mapped[str] = mapped_column(String(40), primary_key=True)
    created_at: Mapped[CreatedAt]
