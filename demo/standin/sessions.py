"""The sessions that this stand-in has issued: temporary credentials and visits to the console."""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from demo.standin.evaluation import TOKEN_ISSUE_TIME


@dataclass(frozen=True)
class IssuedSession:
    """Temporary credentials and all that AWS would remember of them.

    ``role_name`` is empty for a federated user, whose IAM user is ``user_name``. ``chained``: made
    with a role session's credentials. ``session_policy`` is the inline policy as it came. What the
    role or the IAM user itself may is looked up whenever the session is used.
    """

    method: Literal["assume_role", "federation_token"]
    account_id: str
    partition: str
    arn: str
    user_id: str
    session_name: str
    issued: datetime
    expiration: datetime
    role_name: str = ""
    user_name: str = ""
    chained: bool = False
    source_identity: str = ""
    session_policy: str = ""
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: tuple[str, ...] = ()
    access_key_id: str = field(default_factory=lambda: "ASIA" + random_id(16))
    secret_access_key: str = field(default_factory=lambda: random_secret(30), repr=False)
    session_token: str = field(default_factory=lambda: random_secret(270), repr=False)

    @property
    def context(self) -> dict[str, str]:
        """What conditions of policies may ask about it."""
        named = {"aws:userid": self.user_id, TOKEN_ISSUE_TIME: self.issued.isoformat()}
        if self.source_identity:
            named["aws:SourceIdentity"] = self.source_identity
        return named


@dataclass(frozen=True)
class Visit:
    """A console session: whose, where to, where to sign in again, and until when."""

    session: IssuedSession
    destination: str
    issuer: str
    until: datetime


class Sessions:
    """All issued sessions by access key id; kept after their end, so that it can be named."""

    def __init__(self) -> None:
        self._by_key: dict[str, IssuedSession] = {}

    def keep(self, session: IssuedSession) -> None:
        """Remember a session."""
        self._by_key[session.access_key_id] = session

    def find(self, access_key_id: str, session_token: str) -> IssuedSession | None:
        """Return the session of this key when the token is its own."""
        session = self._by_key.get(access_key_id)
        if session and secrets.compare_digest(
            session.session_token.encode(), session_token.encode("utf-8", "replace")
        ):
            return session
        return None


def random_id(length: int) -> str:
    """Return letters and digits as in AWS's own identifiers."""
    return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(length))


def random_secret(size: int) -> str:
    """Return ``size`` random bytes in base 64; 30 bytes make the 40 characters of a secret key."""
    return b64encode(secrets.token_bytes(size)).decode()
