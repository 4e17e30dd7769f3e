"""How much of a request is there, judged by the bytes alone, before a thread is given to it.

A request is waited for until it is whole. What could not be waited for is answered here, in a
sentence: a head or a body longer than the portal takes, and a body whose length nobody announced
(no form of a browser's has one).
"""

import re
from dataclasses import dataclass

from portal import settings

LONGEST_HEAD = 32 * 1024
LONGEST_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
LONGEST_REQUEST = LONGEST_HEAD + LONGEST_BODY

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
_IN_CHUNKS = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_ASKS_TO_GO_ON = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_MOST_DIGITS = len(str(LONGEST_BODY))


@dataclass(frozen=True)
class Arrival:
    """What there is of a request.

    ``missing`` is how many bytes to wait for at least before looking again; 0: it is all there, or
    ``refusal`` is the whole answer to it. ``asks_to_go_on``: it sends its body when told to.
    """

    missing: int = 0
    refusal: bytes = b""
    asks_to_go_on: bool = False


def look(there: bytes) -> Arrival:
    """Judge the bytes that have come so far, of one request and perhaps of others after it."""
    begin = len(there) - len(there.lstrip(b"\r\n"))
    end = there.find(b"\r\n\r\n", begin)
    if end < 0:
        return Arrival(missing=1) if len(there) < LONGEST_HEAD else Arrival(refusal=_HEAD_TOO_LONG)
    head = there[begin : end + 2]
    if _IN_CHUNKS.search(head):
        return Arrival(refusal=_NO_LENGTH)
    length = _LENGTH.search(head)
    if length is None:
        return Arrival()
    if len(length[1]) > _MOST_DIGITS or int(length[1]) > LONGEST_BODY:
        return Arrival(refusal=_BODY_TOO_LONG)
    missing = end + 4 + int(length[1]) - len(there)
    return Arrival(max(missing, 0), asks_to_go_on=bool(_ASKS_TO_GO_ON.search(head)))


def _answer(status: str, text: str) -> bytes:
    head = (
        f"HTTP/1.1 {status}",
        "Connection: close",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(text) + 1}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
    )
    return ("\r\n".join(head) + f"\r\n\r\n{text}\n").encode()


_HEAD_TOO_LONG = _answer(
    "431 Request Header Fields Too Large",
    "The request's headers are longer than the portal takes. Delete the portal's cookies.",
)
_BODY_TOO_LONG = _answer(
    "413 Content Too Large",
    f"The portal takes at most {LONGEST_BODY // 1024} KiB in one request. Send less.",
)
_NO_LENGTH = _answer(
    "411 Length Required",
    "The portal takes no body without its length. Send Content-Length instead of chunks.",
)
