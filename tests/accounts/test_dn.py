"""Distinguished names are read as OpenLDAP's own library reads them, or not at all."""

import contextlib

import ldap
import ldap.dn
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.directory.dn import Assertion, Dn, NotADn, comparable, is_within, parse

ANY_VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ATTRIBUTES = st.sampled_from(["cn", "CN", "ou", "dc", "uid", "x-y1", "2.5.4.3"])
NAMES = st.lists(
    st.lists(st.tuples(ATTRIBUTES, ANY_VALUES), min_size=1, max_size=3), min_size=1, max_size=4
)
# Everything that a parser could stumble over, close together.
TANGLED = st.text(st.sampled_from('cnou=,;+\\"#<> 0123abCDfFé\x1f\x00.-'), max_size=24)
_HEX_FLAG = 2
# OpenLDAP takes these for spaces, where they stand bare around a value.
_TRIMMED = "\t\n\v\f\r"


def in_hex(value: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in value.encode())


def by_openldap(text: str) -> Dn:
    parts = ldap.dn.str2dn(text)
    return tuple(tuple(sorted(Assertion(a.lower(), v) for a, v, _ in part)) for part in parts)


def written(name: list[list[tuple[str, str]]], write: object, between: str = ",") -> str:
    assert callable(write)
    return between.join("+".join(f"{a}={write(v)}" for a, v in part) for part in name)


@given(
    NAMES, st.sampled_from([ldap.dn.escape_dn_chars, in_hex]), st.sampled_from([",", " , ", ";"])
)
def test_a_name_says_the_same_to_openldap(
    name: list[list[tuple[str, str]]], write: object, between: str
) -> None:
    text = written(name, write, between)
    found = parse(text)
    assert found == tuple(tuple(sorted(Assertion(a.lower(), v) for a, v in part)) for part in name)
    if write is in_hex or all(value == value.strip(_TRIMMED) for p in name for _, value in p):
        assert found == by_openldap(text)


@given(TANGLED)
def test_whatever_is_read_means_the_same_to_openldap(text: str) -> None:
    with contextlib.suppress(NotADn):
        found = parse(text)
        theirs = ldap.dn.str2dn(text) if "#" in text else []
        if not any(flags & _HEX_FLAG for part in theirs for _, _, flags in part):
            assert found == by_openldap(text)


@given(NAMES, NAMES)
def test_two_names_are_one_only_where_all_their_parts_are(
    first: list[list[tuple[str, str]]], second: list[list[tuple[str, str]]]
) -> None:
    def parts(name: list[list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
        return [sorted((a.lower(), v) for a, v in part) for part in name]

    are_one = parse(written(first, in_hex)) == parse(written(second, in_hex))
    assert are_one == (parts(first) == parts(second))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        "admins",
        "cn",
        "=x",
        "cn=a,",
        "cn=a,,ou=b",
        "cn=a+",
        "cn=a\\",
        "cn=a\\x",
        "cn=\\ff",
        "cn=#zz",
        "cn=#",
        "cn=#0",
        'cn="a,b"',
        "cn=a<b",
        "cn=a\x00",
        "cn=a,ou=b;\n",
        "cn=\udcff",
        "1cn=a",
        "c_n=a",
        "cn;lang-de=a",
    ],
)
def test_what_is_not_well_formed_is_no_name(text: str) -> None:
    with pytest.raises(NotADn):
        parse(text)


@pytest.mark.parametrize(
    "other",
    [
        "cn=admins\\1Fou\\3Dgroups,dc=example",
        "cn=admins\x1fou\\3Dgroups,dc=example",
        "cn=admins\n,ou=groups,dc=example",
        "cn=admins\\2Cou\\3Dgroups,dc=example",
        "cn=admins\\,ou=groups,dc=example",
        "cn=admins+ou=groups,dc=example",
        "cn=\\00 0\\00,ou=groups,dc=example",
        "cn=\\000\\00,ou=groups,dc=example",
        "cn=#61646D696E73,ou=groups,dc=example",
        "cn=admins,dc=example",
        "ou=groups,dc=example",
        "cn=admins,ou=groups,dc=example,dc=org",
    ],
)
def test_nothing_is_taken_for_another_name(other: str) -> None:
    assert comparable(other) != comparable("cn=admins,ou=groups,dc=example")


def test_an_opaque_value_is_not_the_text_that_looks_like_it() -> None:
    assert parse("cn=#AB") == ((Assertion("cn", "ab", is_opaque=True),),)
    assert comparable("cn=#AB") == comparable("cn=#ab") != comparable("cn=\\#ab")
    assert comparable("cn=#ab") != comparable("cn=ab")


def test_the_order_within_a_part_says_nothing_and_between_parts_everything() -> None:
    assert comparable("cn=B + OU=a") == comparable("ou=A+cn=b")
    assert comparable("cn=a,ou=b") != comparable("ou=b,cn=a")


def test_within_counts_whole_parts() -> None:
    base = comparable("ou=groups,dc=example")
    assert is_within(comparable("cn=a,OU=groups,dc=Example"), base)
    assert is_within(base, base)
    for outside in ("dc=example", "cn=a,ou=moregroups,dc=example", "cn=a\\,ou=groups,dc=example"):
        assert not is_within(comparable(outside), base)
