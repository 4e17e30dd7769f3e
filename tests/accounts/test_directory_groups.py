"""How groups of the directory are compared by name, and who is outside the right ones."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.directory.changes import DirectoryPerson
from accounts.directory.groups import DirectoryGroup, group_key, is_in_any
from accounts.models import DirectoryState

VALUES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12
)
_SPECIAL = set(',;+"\\<>=#')


def escaped(value: str) -> str:
    return "".join(f"\\{c}" if c in _SPECIAL else c for c in value)


def in_hex(value: str) -> str:
    return "".join(f"\\{byte:02x}" for byte in value.encode())


def dn(*values: str, spaced: bool = False, write: object = escaped) -> str:
    between = " , " if spaced else ","
    equals = " = " if spaced else "="
    assert callable(write)
    return between.join(f"cn{equals}{write(value)}" for value in values)


@given(VALUES, VALUES)
def test_a_dn_is_the_same_however_it_is_written(first: str, second: str) -> None:
    plain = dn(first, second)
    decomposed = unicodedata.normalize("NFD", plain)
    for same in (
        plain.upper() if plain.upper().lower() == plain.lower() else plain,
        dn(first, second, spaced=True),
        dn(first, second, write=in_hex),
        f"  {plain} ",
        unicodedata.normalize("NFC", decomposed) if decomposed != plain else plain,
    ):
        assert group_key(same) == group_key(plain), same


@given(VALUES, VALUES)
def test_another_dn_is_another_group(first: str, second: str) -> None:
    # One part with a comma in it is not two parts.
    assert group_key(dn(f"{first},cn={second}")) != group_key(dn(first, second))
    assert group_key(dn(first)) != group_key(dn(first, second))


@given(VALUES)
def test_a_name_is_never_a_dn_and_a_dn_never_a_name(name: str) -> None:
    by_name = DirectoryGroup(dn="cn=x,ou=elsewhere", name=dn(name))
    assert not is_in_any([by_name], dn(name))
    assert is_in_any([DirectoryGroup(dn=dn(name))], dn(name))


@pytest.mark.parametrize(
    ("wanted", "is_it"),
    [
        ("Payments", True),
        ("PAYMENTS", True),
        ("payment", False),
        ("payments ", False),
        ("cn=payments,ou=groups,dc=example", True),
        ("CN=Payments, OU=Groups, DC=example", True),
        ("cn=payments,ou=others,dc=example", False),
        ("cn=payments", False),
        ("", False),
    ],
)
def test_a_group_is_named_by_cn_or_dn(wanted: str, is_it: bool) -> None:
    group = DirectoryGroup("cn=payments,ou=groups,dc=example", "payments")
    assert is_in_any([group], wanted) == is_it


@pytest.mark.parametrize("values", [("admins", "hobby"), ("hobby", "admins"), ("admins",), ()])
def test_only_the_cn_in_a_groups_own_dn_is_its_name(values: tuple[str, ...]) -> None:
    hobby = DirectoryGroup.of("CN=hobby,ou=groups,dc=example", values)
    assert hobby.name == "hobby"
    assert not is_in_any([hobby], "admins")


@pytest.mark.parametrize(
    ("group_dn", "values", "name"),
    [
        ("gidNumber=7,ou=groups", ("payments",), "payments"),
        ("gidNumber=7,ou=groups", ("payments", "admins"), ""),
        ("gidNumber=7,ou=groups", (), ""),
        ("gidNumber=7+cn=Payments,ou=groups", ("admins", "Payments"), "Payments"),
        ("cn=a\\, b,ou=groups", ("a, b",), "a, b"),
        ("cn=#0402,ou=groups", ("admins",), ""),
        ("no dn", ("admins",), ""),
    ],
)
def test_a_group_without_a_certain_name_has_none(
    group_dn: str, values: tuple[str, ...], name: str
) -> None:
    assert DirectoryGroup.of(group_dn, values).name == name


@pytest.mark.parametrize(
    "forged",
    [
        "cn=admins\\1Fou\\3Dgroups,dc=example",
        "cn=admins\\1fou=groups,dc=example",
        "cn=admins\\,ou=groups,dc=example",
        "cn=admins\\2cou\\3dgroups,dc=example",
        "cn=\\000\\00,ou=groups,dc=example",
    ],
)
def test_no_group_becomes_another_by_what_stands_in_its_dn(forged: str) -> None:
    group = DirectoryGroup.of(forged, ("admins",))
    assert not is_in_any([group], "cn=admins,ou=groups,dc=example")
    assert is_in_any([group], forged)


def test_what_begins_like_a_dn_and_is_none_names_nobodys_group() -> None:
    for wrong in ("cn=admins,", "cn=admins,ou", 'cn="admins"', "cn=\\"):
        named_so = DirectoryGroup("cn=x", wrong)
        assert not is_in_any([named_so, DirectoryGroup(wrong), DirectoryGroup("")], wrong)


def test_disabled_says_more_than_outside() -> None:
    assert DirectoryPerson("1", "ann").state == DirectoryState.PRESENT
    assert DirectoryPerson("1", "ann", is_outside=True).state == DirectoryState.OUTSIDE
    both = DirectoryPerson("1", "ann", is_outside=True, is_disabled=True)
    assert both.state == DirectoryState.DISABLED
