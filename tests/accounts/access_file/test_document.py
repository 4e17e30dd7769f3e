"""Any bytes are read as YAML 1.2 within bounds, or refused with the line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.access_file import document
from accounts.access_file.document import Mapping, Scalar, Sequence, parse, read_bytes
from accounts.access_file.problems import AccessFileProblems

NO_YAML = [
    (b"a: [1\nb: 2\n", 2, "expected ',' or ']'"),
    (b"version: 1\n\taccounts: x\n", 2, "\\t"),
    (b"a: 1\nb: 'x\n", 2, "unexpected end of stream"),
    (b"a: 1\nb: c: d\n", 2, "not allowed here"),
    (b"a: 1\nb: \xff\n", 2, "is not UTF-8 text"),
    ("a: 1\nb: x".encode("utf-16"), 1, "is not UTF-8 text"),
    (b"a: 1\r\nb: \x00\r\n", 2, "U+0000"),
    ("a: 1\nb: \u2028\n".encode(), 2, "U+2028"),
    (b'a: 1\nb: "\\UFFFFFFFF"\n', 2, ""),
    (b'a: 1\nb: "\\ud83d"\n', 2, "surrogate"),
    (b"a: 1\n---\nb: 2\n", 2, "a second document"),
    (b"%YAML 1.1\n---\na: 1\n", 2, "only directive"),
    (b"a: 1\nb: !!str 2\n", 2, "tags"),
    (b"a: 1\n<<: {b: 2}\n", 2, "merge keys"),
    (b"a: 1\n? [b]\n: 2\n", 2, "a key must be text"),
    (b"a: 1\n'': 2\n", 2, "a key is empty"),
    (b"a: 1\nb: *there\n", 2, "nothing before it is called &there"),
    (b"a: 1\nb: &b [*b]\n", 2, "nothing before it is called &b"),
    (b"- a\n", 1, "keys and values at its top"),
]


@pytest.mark.parametrize(("data", "line", "reason"), NO_YAML)
def test_bytes_that_are_no_access_file_are_refused_with_their_line(
    data: bytes, line: int, reason: str
) -> None:
    with pytest.raises(AccessFileProblems) as refused:
        parse(data)
    (problem,) = refused.value.problems
    assert (problem.line, problem.key) == (line, "yaml")
    assert reason in problem.reason


def test_a_key_that_stands_twice_is_refused_naming_both_lines() -> None:
    with pytest.raises(AccessFileProblems) as refused:
        parse(b"a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert list(refused.value.lines("FILE")) == ["FILE:4: b: stands twice; the first is on line 2"]


@pytest.mark.parametrize(
    "text", ["NO", "2012-10-17", "012345678901", "1e3", "0x10", "true", "null"]
)
def test_every_value_stays_the_text_that_was_written(text: str) -> None:
    assert parse(f"a: {text}".encode()).entries["a"] == Scalar(1, text, plain=True)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    root = parse(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert (root.line_of("a"), root.line_of("b")) == (1, 2)


def test_an_alias_repeats_what_it_names() -> None:
    root = parse(b"a: &policy {x: y}\nb: *policy\n")
    assert root.entries["a"] is root.entries["b"]


def bomb(levels: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        repeated = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{repeated}]")
    return "\n".join(lines).encode()


def test_p35_aliases_that_multiply_are_refused_before_they_fill_the_memory() -> None:
    with pytest.raises(AccessFileProblems) as refused:
        parse(bomb(9))
    (problem,) = refused.value.problems
    assert problem.line == 6
    assert "more than 1,000,000 values" in problem.reason


@pytest.mark.parametrize("opening", [b"[", b"{a: "])
def test_p35_depth_is_refused_before_it_breaks_the_reader(opening: bytes) -> None:
    with pytest.raises(AccessFileProblems) as refused:
        parse(b"a: " + opening * 100_000)
    assert "levels deep" in refused.value.problems[0].reason


def test_p35_aliases_go_no_deeper_than_what_is_written_out() -> None:
    levels = [f"a{level}: &a{level} {'[' * 10}*a{level - 1}{']' * 10}" for level in range(1, 60)]
    with pytest.raises(AccessFileProblems) as refused:
        parse("\n".join(["a0: &a0 [x]", *levels]).encode())
    (problem,) = refused.value.problems
    assert problem.line == 4
    assert "levels deep" in problem.reason


def test_p35_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "LARGEST_BYTES", 1024 * 1024)
    file = tmp_path / "access.yaml"
    file.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(AccessFileProblems) as refused:
        read_bytes(file)
    assert list(refused.value.lines("FILE")) == ["FILE: file: is larger than 1 MiB"]


def test_a_file_that_cannot_be_read_is_named_without_a_line(tmp_path: Path) -> None:
    with pytest.raises(AccessFileProblems) as refused:
        read_bytes(tmp_path / "nowhere.yaml")
    assert list(refused.value.lines("FILE")) == ["FILE: file: No such file or directory"]


def lines_in(node: Mapping | Sequence | Scalar) -> set[int]:
    if isinstance(node, Mapping):
        inside = [lines_in(value) for value in node.entries.values()]
        return {node.line, *node.lines.values()}.union(*inside)
    if isinstance(node, Sequence):
        return {node.line}.union(*map(lines_in, node.items))
    return {node.line}


YAML_PIECES = st.lists(
    st.sampled_from(
        [
            "a",
            "b: ",
            "- ",
            "\n",
            "  ",
            "[",
            "]",
            "{",
            "}",
            ",",
            ": ",
            "'",
            '"',
            "|\n",
            ">\n",
            "#",
            "&x ",
            "*x",
            "!t ",
            "? ",
            "%",
            "---\n",
            "...\n",
            "\t",
            "\\",
            "\\u",
            "\\x",
            "~",
            "é",
            "<<",
        ]
    ),
    max_size=40,
).map("".join)


@given(st.one_of(st.binary(max_size=60), YAML_PIECES.map(str.encode)))
def test_p35_whatever_is_in_the_file_it_is_read_or_refused_within_its_lines(data: bytes) -> None:
    last = len(data.splitlines()) + 1
    try:
        lines = lines_in(parse(data))
    except AccessFileProblems as refused:
        lines = {problem.line for problem in refused.problems}
    assert min(lines) >= 1
    assert max(lines) <= last
