"""Where in the console a launch ends: what a person asked for in, an address of AWS out.

``to`` may be a service name (``s3``), a console path (``/cloudwatch/home#alarmsV2:``) or a full
console URL of the account's partition; nothing else. Everything is taken apart by a grammar
narrower than RFC 3986, and the answer is put together from its parts, so that no two programs can
read different hosts into it:

- scheme ``https`` and host in lower case, as browsers copy them, no user, no port but 443;
- the host is one of the partition's console hosts, letter for letter; a multi-session prefix
  (``<account>-<suffix>.``) of the same account is dropped;
- no control or space characters, no backslash, no stray ``%``, raw or encoded; no path that
  begins with two slashes or climbs; at most 2,048 characters;
- no query value that is itself an address, because a page might go on to it. The fragment never
  leaves the browser and may name one (CloudFormation's ``templateURL``).

The region is the one asked for, else the URL's own, else the role's. Where one is known, the host
is regional and the query names it. Kept as pasted unless a region is asked for: a host and a
query that name different regions (pages of global services do), ``region=global``, and addresses
of consoles that live beside the main one.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from accounts.aws_rules import partitions
from accounts.aws_rules.partitions import (
    ANY_REGION,
    PARTITIONS,
    Partition,
    region_belongs,
    region_title,
)
from accounts.aws_rules.services import console_service, service_title
from accounts.errors import InvalidRequest, gettext_noop

LONGEST = 2_048
"""Most characters of ``to`` and of the address made from it."""

CONSOLE_HOME = gettext_noop("Console home")

_COPY_IT = gettext_noop("Copy the address from the browser’s address bar as it is.")
_HOME_PATH = "/console/home"
_GLOBAL = "global"
_SERVICE = re.compile(r"[a-z0-9-]{1,64}")
_URL = re.compile(r"https://([a-z0-9.-]+)(?::443)?(/[^?#]*)?(?:\?([^#]*))?(?:#(.*))?")
_PATH = re.compile(r"(/[^?#]*)(?:\?([^#]*))?(?:#(.*))?")
_SESSION_PREFIX = re.compile(r"([0-9]{12})-[a-z0-9]{1,32}\.(.+)")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ADDRESS = re.compile(r"\s*(?:https?:|ftp:|javascript:|vbscript:|[/\\\\]{2})", re.IGNORECASE)
_MAIN_CONSOLES = {ANY_REGION + where.console_host for where in PARTITIONS.values()}
# Everything that may stand in a URL as it is; quotes, angle brackets and non-ASCII may not.
_KEPT = "%:/?#[]@!$&'()*+,;=-._~{}|^"


@dataclass(frozen=True)
class Place:
    """What was asked for, in the form in which two of them are compared."""

    to: str
    region: str


@dataclass(frozen=True)
class Destination:
    """A console address: where the browser ends, and what a page and the record say about it.

    ``service`` is the console's own name (first part of the path), ``region`` a region's code;
    both may be empty.
    """

    url: str
    service: str
    region: str


@dataclass(frozen=True)
class _Address:
    """A console address taken apart; ``{region}.`` in ``shape`` stands for ``host_region``."""

    shape: str
    host_region: str
    path: str
    query: str = ""
    fragment: str = ""

    @property
    def query_region(self) -> str:
        return next((v for n, v in _query_parts(self.query) if n == "region"), "")

    def url(self) -> str:
        before = f"{self.host_region}." if self.host_region else ""
        url = "https://" + self.shape.replace(ANY_REGION, before) + self.path
        url += f"?{self.query}" if self.query else ""
        url += f"#{self.fragment}" if self.fragment else ""
        return quote(url, safe=_KEPT)


def normal_place(to: str, region: str) -> Place:
    """The form in which a wish and a bookmark are compared: equal Places are the same place.

    Spaces around both are dropped, the region and a service name turn to lower case; paths and
    URLs count letter for letter. Nothing is checked here.
    """
    to = to.strip(" ")
    return Place(to=to.lower() if is_service_name(to) else to, region=region.strip(" ").lower())


def parse_destination(
    to: str,
    region: str,
    *,
    partition: str,
    account_id: str,
    role_destination: str = "",
    role_region: str = "",
) -> Destination:
    """The console address for what a person asked for.

    Without ``to`` the role's own destination counts, without either the console's home. Raises
    InvalidRequest, with what is wrong and what would do, for everything that is not a console
    address of that partition or not of that account.
    """
    where = partitions.partition(partition)
    asked = _known_region(region.strip(" ").lower(), where)
    address = _read(to.strip(" ") or role_destination.strip(" "), where, account_id)
    _known_region(_query_region(address), where)
    address = _in_region(address, where, asked, role_region)
    url = address.url()
    if len(url) > LONGEST:
        raise _too_long(len(url))
    return Destination(
        url=url,
        service=_service_of(address),
        region=_query_region(address) or address.host_region,
    )


def describe(to: str, region: str, role_region: str = "") -> tuple[str, str]:
    """Short names of service and region for a page; never raises, also for what is no address.

    The region is the one that a click lands in: the one asked for, else the address's own, else
    the role's. The first is a message id where it is the console's home; the second is empty
    without region.
    """
    address = _loosely(to.strip(" "))
    service = _service_of(address) if address else ""
    shown = region.strip(" ").lower() or (_query_region(address) if address else "")
    shown = shown or (address.host_region if address else "")
    if not shown and (address is None or address.shape in _MAIN_CONSOLES):
        shown = role_region.strip(" ").lower()
    return (service_title(service) if service else CONSOLE_HOME, region_title(shown))


def _in_region(address: _Address, where: Partition, asked: str, role_region: str) -> _Address:
    if asked:
        return _with_query_region(replace(address, host_region=asked), asked)
    if address.shape != ANY_REGION + where.console_host:
        return address
    own = address.query_region or address.host_region
    region = own or _known_region(role_region.strip(" ").lower(), where)
    host_region = address.host_region or ("" if region == _GLOBAL else region)
    return _with_query_region(replace(address, host_region=host_region), region)


def _with_query_region(address: _Address, region: str) -> _Address:
    if not region:
        return address
    parts = [part for part in address.query.split("&") if part]
    named = [f"region={region}" if _name_of(part) == "region" else part for part in parts]
    if not address.query_region and "region" not in map(_name_of, parts):
        named.append(f"region={region}")
    return replace(address, query="&".join(named))


def _query_region(address: _Address) -> str:
    """The region that the query names; ``global`` is a view of a page and no region."""
    return "" if address.query_region == _GLOBAL else address.query_region


def _service_of(address: _Address) -> str:
    if not address.shape.startswith(ANY_REGION + "console."):
        return address.shape.removeprefix(ANY_REGION).split(".")[0]
    first = address.path.split("/")[1]
    return first.lower() if is_service_name(first) and first != "console" else ""


# Reading what was asked for


def _read(wanted: str, where: Partition, account_id: str) -> _Address:
    _refuse_bad_text(wanted)
    if not wanted:
        return _of_main_console(where, _HOME_PATH)
    if is_service_name(wanted):
        return _of_main_console(where, f"/{console_service(wanted.lower())}/home")
    if wanted.startswith("/"):
        return _read_path(wanted, where)
    return _read_url(wanted, where, account_id)


def is_service_name(text: str) -> bool:
    """Whether a wish names a service (``s3``) rather than a path or an address."""
    # Lower case of some letters beyond ASCII is ASCII, so these are kept out first.
    return text.isascii() and _SERVICE.fullmatch(text.lower()) is not None


def _of_main_console(where: Partition, path: str, query: str = "", fragment: str = "") -> _Address:
    return _Address(ANY_REGION + where.console_host, "", path, query, fragment)


def _read_path(wanted: str, where: Partition) -> _Address:
    match = _PATH.fullmatch(wanted)
    if match is None:
        raise _not_an_address(wanted)
    path, query, fragment = match.groups(default="")
    address = _of_main_console(where, path, query, fragment)
    _refuse_bad_path(path)
    _refuse_bad_query(query)
    return address


def _read_url(wanted: str, where: Partition, account_id: str) -> _Address:
    match = _URL.fullmatch(wanted)
    if match is None:
        raise _not_an_address(wanted)
    host, path, query, fragment = match.groups(default="")
    shape, host_region = _known_host(_without_session(host, account_id), where)
    _refuse_bad_path(path)
    _refuse_bad_query(query)
    return _Address(shape, host_region, path or "/", query, fragment)


def _without_session(host: str, account_id: str) -> str:
    match = _SESSION_PREFIX.fullmatch(host)
    if match is None:
        return host
    if match[1] != account_id:
        raise InvalidRequest(
            log=f"destination of account {match[1]} for account {account_id}",
            message=gettext_noop(
                "This address belongs to account %(theirs)s, but the role is in account %(ours)s."
            ),
            next_step=gettext_noop("Open it with a role of that account."),
            params={"theirs": match[1], "ours": account_id},
        )
    return match[2]


def _known_host(host: str, where: Partition) -> tuple[str, str]:
    found = _find_host(host, where)
    if found is None:
        raise _wrong_host(host, where)
    return found


def _find_host(host: str, where: Partition) -> tuple[str, str] | None:
    """The shape of a console host and the region it names; None if it is none of the partition."""
    for shape in where.console_host_shapes():
        plain = shape.removeprefix(ANY_REGION)
        if host == plain:
            return shape, ""
        region = host.removesuffix("." + plain)
        if shape != plain and region != host and region_belongs(where.name, region):
            return shape, region
    return None


def _loosely(to: str) -> _Address | None:
    if is_service_name(to):
        return _of_main_console(PARTITIONS["aws"], f"/{console_service(to.lower())}/home")
    if match := _PATH.fullmatch(to):
        return _of_main_console(PARTITIONS["aws"], *match.groups(default=""))
    if not (match := _URL.fullmatch(to)):
        return None
    host, *rest = match.groups(default="")
    if session := _SESSION_PREFIX.fullmatch(host):
        host = session[2]
    found = next(filter(None, (_find_host(host, where) for where in PARTITIONS.values())), None)
    return _Address(*found, rest[0] or "/", *rest[1:]) if found else None


# Refusing


def _refuse_bad_text(wanted: str) -> None:
    if len(wanted) > LONGEST:
        raise _too_long(len(wanted))
    if any(unicodedata.category(c)[0] in "CZ" for c in wanted) or "\\" in wanted:
        raise InvalidRequest(
            log="destination with a space, control character or backslash",
            message=gettext_noop(
                "The destination holds a space, a control character or a backslash."
            ),
            next_step=_COPY_IT,
        )
    if _STRAY_PERCENT.search(wanted) or _has_control(_fully_decoded(wanted)):
        raise InvalidRequest(
            log="destination with a stray percent sign or an encoded control character",
            message=gettext_noop("The destination holds a broken or forbidden percent code."),
            next_step=_COPY_IT,
        )


def _refuse_bad_path(path: str) -> None:
    decoded = _fully_decoded(path)
    climbs = any(part in (".", "..") for part in decoded.split("/"))
    if climbs or decoded.startswith("//") or "://" in decoded or "\\" in decoded:
        raise InvalidRequest(
            log="destination with a path that leads elsewhere",
            message=gettext_noop("The destination’s path leads out of the console."),
            next_step=gettext_noop("Use a path as the console shows it, such as /s3/buckets."),
        )


def _refuse_bad_query(query: str) -> None:
    names = [name for name, _ in _query_parts(query)]
    if names.count("region") > 1:
        raise InvalidRequest(
            log="destination that names its region twice",
            message=gettext_noop("The destination names its region more than once."),
            next_step=gettext_noop("Keep one region= in it."),
        )
    if any(_ADDRESS.match(text) for part in _query_parts(query) for text in part):
        raise InvalidRequest(
            log="destination with an address in its query",
            message=gettext_noop("The destination carries another address in its query."),
            next_step=gettext_noop("Leave the part after the question mark out, or shorten it."),
        )


def _query_parts(query: str) -> list[tuple[str, str]]:
    """Names and values of a query, decoded until nothing is left to decode."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return [(_fully_decoded(name), _fully_decoded(value)) for name, _, value in parts]


def _name_of(part: str) -> str:
    return _fully_decoded(part.partition("=")[0])


def _fully_decoded(text: str) -> str:
    while (decoded := unquote(text)) != text:
        text = decoded
    return text


def _has_control(text: str) -> bool:
    return any(unicodedata.category(c) == "Cc" for c in text)


def _known_region(region: str, where: Partition) -> str:
    if region and not region_belongs(where.name, region):
        raise InvalidRequest(
            log=f"region {region[:64]!a} is not of partition {where.name}",
            message=gettext_noop("“%(region)s” is not a region of the partition %(partition)s."),
            next_step=gettext_noop("Choose one of its regions, such as %(example)s."),
            params={
                "region": region[:64],
                "partition": where.name,
                "example": where.default_sts_region,
            },
        )
    return region


def _wrong_host(host: str, where: Partition) -> InvalidRequest:
    others = (p for p in PARTITIONS.values() if p is not where and _find_host(host, p))
    other = next(others, None)
    if other is None:
        return _not_an_address(host)
    return InvalidRequest(
        log=f"destination of partition {other.name} for partition {where.name}",
        message=gettext_noop(
            "This address belongs to the partition %(theirs)s, but the account is in %(ours)s."
        ),
        next_step=gettext_noop("Use an address at %(console)s, or a role of an account there."),
        params={"theirs": other.name, "ours": where.name, "console": where.console_host},
    )


def _not_an_address(wanted: str) -> InvalidRequest:
    return InvalidRequest(
        log=f"destination {wanted[:100]!a} is no console address",
        message=gettext_noop("“%(destination)s” is not an address in the AWS console."),
        next_step=gettext_noop(
            "Use a service name such as s3, a path such as /s3/buckets, or the console’s address"
            " as the browser shows it."
        ),
        params={"destination": wanted[:100]},
    )


def _too_long(length: int) -> InvalidRequest:
    return InvalidRequest(
        log=f"destination of {length} characters",
        message=gettext_noop("The destination is longer than %(most)s characters."),
        next_step=gettext_noop("Use a shorter address, such as the service’s own page."),
        params={"most": LONGEST},
    )
