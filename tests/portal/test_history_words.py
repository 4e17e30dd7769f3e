"""Whatever the record is told has words in histories: changes, and refusals and failures."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from django.utils.translation import override

from accounts import record
from accounts.errors import PortalError
from accounts.models import Action, Entry, Outcome
from portal import launch
from portal.pages.history_changes import kind_of, notes_of_change, sentence_of_change
from portal.pages.history_lines import Line
from portal.signin import sign_in, throttle
from tests.served import ROOT

_IN_WORDS = {"user": "person", "source": "credential source"}
_SOURCES = [path for room in ("accounts", "portal") for path in sorted((ROOT / room).rglob("*.py"))]


def _texts(node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))


def _told(path: Path) -> Iterator[tuple[str, str]]:
    """What a module tells the record: words of changes, and kinds of things."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for what, value in _named(node):
            yield from ((what, text) for text in _texts(value))


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        words = {"Told": ("change", "kind"), "told": ("change",)}.get(name, ())
        yield from zip(words, node.args, strict=False)
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield from ((what, value) for what in _texts(key) if what in {"change", "kind"})
    if isinstance(node, ast.ClassDef) and node.name.endswith("Admin"):
        parts = [part for part in node.body if isinstance(part, ast.Assign)]
        yield from (("kind", p.value) for p in parts if ast.unparse(p.targets[0]) == "kind")


TOLD = sorted({told for path in _SOURCES for told in _told(path)})


def test_they_are_found() -> None:
    words = {"add", "delete", "members", "password", "end-sessions", "try", "refused"}
    assert words <= {text for what, text in TOLD if what == "change"}
    assert {"permission set", "grant"} <= {text for what, text in TOLD if what == "kind"}


@pytest.mark.parametrize(("what", "text"), TOLD)
def test_each_has_words(what: str, text: str) -> None:
    with override("en"):
        if what == "kind":
            assert kind_of({"kind": text}) == f"the {_IN_WORDS.get(text, text)}"
        else:
            nothing = sentence_of_change({"change": "what nobody does"}, "ann")
            assert sentence_of_change({"change": text}, "ann") != nothing


@pytest.mark.parametrize(
    ("method", "word"), [("GET", "open"), ("HEAD", "open"), ("POST", "change")]
)
def test_who_only_looked_is_not_said_to_have_changed(method: str, word: str) -> None:
    with override("en"):
        sentence = sentence_of_change({"change": "refused", "method": method}, "ann")
        assert f"tried to {word} " in str(sentence.own)
        assert f"tried to {word} " in str(sentence.others)


def test_a_refused_try_names_its_page() -> None:
    tried = {"change": "refused", "method": "POST", "path": "/admin/accounts/user/4/change/"}
    notes = list(notes_of_change({**tried, "message": "Ask somebody."}))
    assert notes == ["Ask somebody.", "POST /admin/accounts/user/4/change/"]
    assert list(notes_of_change({"change": "add", "path": "/x"})) == []


# --- refusals and failures -------------------------------------------------------------------

_ROOMS = (launch, sign_in, throttle)
"""Where they are raised; imported, so that every class is there."""


def _with_those_below(error: type[PortalError]) -> Iterator[type[PortalError]]:
    for below in error.__subclasses__():
        yield below
        yield from _with_those_below(below)


def _codes() -> Iterator[str]:
    """Words of our own for what happened, as they are given to errors."""
    for path in _SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code":
                yield from _texts(node.value)


ERRORS = sorted(
    {error.__name__ for error in _with_those_below(PortalError)}
    | {code for code in _codes() if code[0].isupper()}
    | {record.TOO_MANY_REFUSALS}
)


def test_errors_are_found() -> None:
    below = {"WrongPassword", "SwitchedOff", "Throttled", "NotNow", "NotGranted", "AwsRefused"}
    assert {*below, "NameIsLocal", "BeingRead", "TooManyRefusals"} <= set(ERRORS)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("outcome", [Outcome.DENIED, Outcome.FAILED])
@pytest.mark.parametrize("action", [Action.LAUNCH, Action.CREDENTIALS, Action.SIGN_IN])
def test_whatever_was_refused_or_failed_is_a_sentence_with_what_was_said(
    action: Action, outcome: Outcome, error: str
) -> None:
    now = timezone.now()
    for is_own, who in ((True, "you"), (False, "ann")):
        entry = Entry(
            action=action, outcome=outcome, error=error, actor="ann", account="hub", role="Admin",
            details='{"message": "What was said."}', time=record.now_text(), expires="",
        )  # fmt: skip
        line = Line.of(entry, now, is_own=is_own)
        with override("en"):
            sentence = str(line.sentence)
            assert sentence != f"{action}, {outcome}"
            assert who in sentence.lower()
            if action != Action.SIGN_IN:
                assert "<b>hub</b>" in sentence
                assert "<b>Admin</b>" in sentence
            is_said = error == "NotGranted" and outcome == Outcome.DENIED
            assert line.notes == (
                ["Nothing was opened"]
                if is_said and action != Action.SIGN_IN
                else ["What was said."]
            )
