"""The catalogues hold every text that the sources mark, and Django reads what is written there."""

import re
from pathlib import Path

import pytest
from babel.messages import Message
from django.conf import settings

from tests.translations import LOCALE, catalogues, compiled, gathered, is_translated, meanings, read

AGAIN = "run: python -m tests.translations"
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def ids(catalog: object) -> set[tuple[object, str | None]]:
    return {(message.id, message.context) for message in catalog if message.id}  # type: ignore[attr-defined]


def test_every_language_that_can_be_chosen_has_a_catalogue() -> None:
    assert sorted(catalogues()) == sorted(LANGUAGES)
    assert LOCALE in settings.LOCALE_PATHS


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_every_text_of_the_sources_and_no_other(language: str) -> None:
    there, wanted = ids(read(catalogues()[language])), ids(gathered())
    assert wanted - there == set(), AGAIN
    assert there - wanted == set(), AGAIN


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    path = catalogues()[language]
    assert meanings(path.with_suffix(".mo").read_bytes()) == meanings(compiled(read(path))), AGAIN


def places(text: str) -> list[str]:
    """What must come through a translation: places to fill, markup, keys."""
    found = re.findall(r"%\(\w+\)[a-z]|%[sd%]|\{\w*\}|</?\w+[^>]*>|&\w+;", text)
    return sorted(set(found))


def wrong(message: Message) -> str:
    text = message.id if isinstance(message.id, str) else message.id[-1]
    said = [message.string] if isinstance(message.string, str) else list(message.string or ())
    wanted = places(text)
    return "" if all(places(each) == wanted for each in said) else f"{text!r}: {said!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_P19_a_translation_has_the_places_and_the_markup_of_its_text(language: str) -> None:
    told = [each for each in read(catalogues()[language]) if each.id and is_translated(each)]
    assert [fault for each in told if (fault := wrong(each))] == []


def test_texts_are_gathered_from_code_and_templates_alike() -> None:
    texts = {text for text, _ in ids(gathered())}
    assert "There is no such way in for you." in texts
    assert "Sign in" in texts
    assert "%(name)s, your menu" in texts
    assert ("%(count)s role", "%(count)s roles") in texts


def test_the_image_gets_the_catalogues() -> None:
    root = Path(__file__).resolve().parents[1]
    assert "COPY locale locale" in (root / "Dockerfile").read_text(encoding="utf-8")
    assert "!locale" in (root / ".dockerignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_waits_for_its_translation(language: str) -> None:
    waiting = [each.id for each in read(catalogues()[language]) if each.id]
    told = [each.id for each in read(catalogues()[language]) if each.id and is_translated(each)]
    assert [text for text in waiting if text not in told] == []
