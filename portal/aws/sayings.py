"""How a failure between the portal and AWS is put into words.

A hint holds one cause a line, likeliest first; each line is a message id of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from accounts.errors import gettext_noop
from portal.aws.plan import SessionPlan
from portal.errors import UpstreamError

E = TypeVar("E", bound=UpstreamError)

ASK = gettext_noop("Trying again will not help. Give an administrator the reference number.")
ASK_IF_IT_STAYS = gettext_noop(
    "Try again in a minute. If it stays, give an administrator the reference number."
)


@dataclass(frozen=True)
class Saying:
    """What is said about one kind of failure. ``hints``: causes, likeliest first."""

    message: str
    hints: tuple[str, ...]


def spoken(
    kind: type[E],
    saying: Saying,
    log: str,
    code: str,
    params: Mapping[str, str | int] | None = None,
) -> E:
    """An error of that kind that says so; ``params`` fill the places of sentence and hints."""
    error = kind(log, saying.message, ASK, params or {})
    error.code = known_code(code)
    error.hint = "\n".join(saying.hints)
    error.next_step = ASK_IF_IT_STAYS if error.retry_makes_sense else ASK
    return error


_SECRET_LIKE = re.compile(r"[A-Za-z0-9/+=_%\\-]{32,}")
_CODE = re.compile(r"[A-Za-z]{1,64}(?:\.[A-Za-z]{1,64})?|(?:Http)?[0-9]{3}")
UNKNOWN_CODE = "Unknown"


def known_code(code: str) -> str:
    """An error code as AWS writes them: letters only. Whatever else an answer calls one, which
    might repeat what it was asked with, is told as unknown."""
    return code if _CODE.fullmatch(code) else UNKNOWN_CODE


def masked(text: str, *secrets: str) -> str:
    """``text`` for the log, without the given secrets and without whatever looks like a key.

    ARNs stay: they name who was refused what.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, "(hidden)")
    words = (w if w.startswith("arn:") else _SECRET_LIKE.sub("(hidden)", w) for w in text.split())
    return " ".join(words)


def printable(text: str, longest: int = 300) -> str:
    """``text`` on one line, without control characters, cut to ``longest`` characters."""
    visible = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * longest])
    return " ".join(visible.split())[:longest]


def plan_params(plan: SessionPlan) -> dict[str, str | int]:
    """What sentences and hints may name of a plan. Nothing of it is secret."""
    return {
        "role": plan.role_arn.partition(":role/")[2] or plan.role_arn or plan.session_name,
        "account": plan.account_id,
        "source": plan.source.name,
        "partition": plan.partition,
        "seconds": plan.duration_seconds,
    }
