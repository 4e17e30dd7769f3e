"""How a person's user name becomes the name that AWS sees.

Trust policies, CloudTrail searches and revocations name people by these values, so this mapping
is final: it may gain nothing and lose nothing. AWS allows ``[A-Za-z0-9_+=,.@-]`` and 2 to 64
characters for ``RoleSessionName`` and ``SourceIdentity``, 2 to 32 for the ``Name`` of a
federation token (STS service model; the newest allows a longer source identity, which is left
unused so that both values are the same).

The rule:

1. A user name that is 2 to 64 (32) characters long, made only of ``a-z 0-9 _ + = , . @ -``, and
   that does not end like an escaped name (rule 2) is taken as it is.
2. Any other becomes ``SLUG=HASH``. HASH is 16 characters ``a-z 2-7``: the first 80 bits of the
   SHA-256 of the whole user name in UTF-8, in base32. SLUG keeps it readable: letters lose their
   accents (NFKD of Unicode 3.2, which no newer Python changes), everything AWS does not allow
   becomes ``-``, letters turn to lower case, and the slug is cut so that the whole fits 64 (32)
   characters.

So no two people share a name, nor does one person's short name equal another's long one: a name
taken as it is never ends like an escaped one, and two escaped ones differ in the hash.
User names are kept in lower case; one that is not is escaped, never folded into another's.
"""

import base64
import hashlib
import re
import unicodedata

SESSION_NAME_MAX = 64
FEDERATION_NAME_MAX = 32
NAME_MIN = 2

_TAKEN_AS_IT_IS = re.compile(r"[a-z0-9_+=,.@-]+")
_ESCAPED = re.compile(r".*=[a-z2-7]{16}", re.DOTALL)
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_+=,.@-]")
# Python brings newer Unicode tables with each version; names must not change with them.
_UNICODE = unicodedata.ucd_3_2_0
_HASH_BYTES = 10


def role_session_name(username: str) -> str:
    """``RoleSessionName`` of a user, 2 to 64 characters."""
    return _name_for_aws(username, SESSION_NAME_MAX)


def source_identity(username: str) -> str:
    """``SourceIdentity`` of a user: the same text as the role session name."""
    return role_session_name(username)


def federation_token_name(username: str) -> str:
    """``Name`` of a user's federation token, 2 to 32 characters."""
    return _name_for_aws(username, FEDERATION_NAME_MAX)


def _name_for_aws(username: str, longest: int) -> str:
    if _fits_as_it_is(username, longest):
        return username
    ending = "=" + _hash(username)
    return _slug(username)[: longest - len(ending)] + ending


def _fits_as_it_is(username: str, longest: int) -> bool:
    return (
        NAME_MIN <= len(username) <= longest
        and _TAKEN_AS_IT_IS.fullmatch(username) is not None
        and _ESCAPED.fullmatch(username) is None
    )


def _slug(username: str) -> str:
    decomposed = _UNICODE.normalize("NFKD", username)
    without_accents = "".join(c for c in decomposed if not _UNICODE.combining(c))
    return _NOT_ALLOWED.sub("-", without_accents).lower()


def _hash(username: str) -> str:
    # Half a surrogate pair is no UTF-8, yet it must not stop a person or share another's name.
    digest = hashlib.sha256(username.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:_HASH_BYTES]).decode("ascii").lower()
