"""User name → the name AWS sees: final, legal and never shared by two people."""

import re
import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from accounts.aws_rules.names import federation_token_name, role_session_name, source_identity

LEGAL = re.compile(r"[A-Za-z0-9_+=,.@-]+")

# CloudTrail look-ups and trust policies out there name these: a change here breaks them.
GOLDEN = [
    ("ann", "ann", "ann"),
    ("ann@example.com", "ann@example.com", "ann@example.com"),
    ("bob.o+x,y_z=1-2", "bob.o+x,y_z=1-2", "bob.o+x,y_z=1-2"),
    ("x" * 32, "x" * 32, "x" * 32),
    ("x" * 33, "x" * 33, "x" * 15 + "=cg5fli5hyhxa7dvy"),
    ("x" * 64, "x" * 64, "x" * 15 + "=ptqqbfy7mttqahup"),
    ("x" * 65, "x" * 47 + "=su34l7prebec67ky", "x" * 15 + "=su34l7prebec67ky"),
    ("a", "a=zklycewkdo64v6wc", "a=zklycewkdo64v6wc"),
    ("Ann", "ann=c4rzw3rfaeidgdw2", "ann=c4rzw3rfaeidgdw2"),
    ("jos\xe9", "jose=3gkoduabrbx6lnc3", "jose=3gkoduabrbx6lnc3"),
    ("stra\xdfe", "stra-e=pb7uo4dbhu4cjs6i", "stra-e=pb7uo4dbhu4cjs6i"),
    ("\u5c71\u7530 \u592a\u90ce", "-----=5vwvhso2vomvpfca", "-----=5vwvhso2vomvpfca"),
    ("corp\\ann", "corp-ann=jl46egkmktkf7s72", "corp-ann=jl46egkmktkf7s72"),
    (
        "uid=ann,ou=people,dc=example",
        "uid=ann,ou=people,dc=example",
        "uid=ann,ou=people,dc=example",
    ),
    ("ann bob", "ann-bob=5s2ms5dddqoif55t", "ann-bob=5s2ms5dddqoif55t"),
    (
        "ann=abcdefghijklmnop",
        "ann=abcdefghijklmnop=kte6jalovwy5as4x",
        "ann=abcdefghijk=kte6jalovwy5as4x",
    ),
    ("x" * 149 + "y", "x" * 47 + "=mcebq7eiqcngrylo", "x" * 15 + "=mcebq7eiqcngrylo"),
    ("\u0430nn", "-nn=r4fmhea763vsxpcy", "-nn=r4fmhea763vsxpcy"),
]

names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=150).map(
    str.lower
)
plain_names = st.text(string.ascii_lowercase + string.digits + "_+=,.@-", min_size=1, max_size=70)
any_names = st.one_of(names, plain_names, st.text(max_size=150))


@pytest.mark.parametrize(("username", "long", "short"), GOLDEN)
def test_p16_mapping_is_final(username: str, long: str, short: str) -> None:
    assert role_session_name(username) == long
    assert source_identity(username) == long
    assert federation_token_name(username) == short


@given(any_names)
@example("")
@example("\ud800")
def test_p16_every_name_is_legal_for_aws_and_the_same_each_time(username: str) -> None:
    for name, longest in ((role_session_name, 64), (federation_token_name, 32)):
        result = name(username)
        assert 2 <= len(result) <= longest
        assert LEGAL.fullmatch(result)
        assert not result.startswith("aws:")
        assert name(username) == result
    assert source_identity(username) == role_session_name(username)


def seen_by_aws(username: str) -> set[str]:
    return {role_session_name(username), federation_token_name(username)}


@given(any_names, any_names)
@example("jos\u00e9", "jose")
@example("jos\u00e9", "jose\u0301")
@example("jos\u00e9", "jos-")
@example("Ann", "ann")
@example("\u0430nn", "ann")
@example("stra\u00dfe", "strasse")
@example("\u212bngstr\u00f6m", "\u00e5ngstr\u00f6m")
@example("ann ", "ann")
@example("ann\u200b", "ann")
@example("ann bob", "ann-bob")
@example("ann/bob", "ann\\bob")
@example("x" * 149 + "y", "x" * 149 + "z")
@example("x" * 64, "x" * 65)
@example("x" * 32, "x" * 33)
@example("\ud800", "\ud801")
def test_p16_two_people_never_share_a_name(one: str, other: str) -> None:
    assume(one != other)
    assert not seen_by_aws(one) & seen_by_aws(other)


@given(any_names)
@example("jos\u00e9")
@example("x" * 150)
def test_p16_nobody_can_be_called_like_somebodys_escaped_name(username: str) -> None:
    for taken in seen_by_aws(username) - {username}:
        assert not seen_by_aws(taken) & seen_by_aws(username)


@given(plain_names.filter(lambda name: not re.search("=[a-z2-7]{16}$", name)))
def test_plain_names_are_taken_as_they_are(username: str) -> None:
    assert (role_session_name(username) == username) == (2 <= len(username) <= 64)
    assert (federation_token_name(username) == username) == (2 <= len(username) <= 32)


def test_escaped_names_stay_readable() -> None:
    assert role_session_name("jos\u00e9 garc\u00eda").startswith("jose-garcia=")
    assert federation_token_name("maximiliane.mustermann-von-und-zu").startswith("maximiliane.mus=")
