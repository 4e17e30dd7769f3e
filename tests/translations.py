"""The catalogues of translations: gathered from the sources, compiled for Django.

``python -m tests.translations`` brings ``locale/*/LC_MESSAGES/django.po`` and ``.mo`` up to date:
new texts join without a translation, texts that no source holds any longer go. Translations are
then written into the ``.po``, and the same command compiles them. Both files are committed, so that
nothing has to be compiled where the portal is installed.
"""

import gettext
import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import django
from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "locale"
SOURCES = (("accounts", "*.py"), ("portal", "*.py"), ("templates", "*.html"))

# The functions that a text is marked with, and which of their arguments are texts.
_MARKS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
# Files that change with the texts alone, not with the day on which somebody made them.
_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)


def gathered() -> Catalog:
    """Return every text that the sources mark, with the files in which it stands."""
    catalog = Catalog(project="Sekisho", charset="utf-8", creation_date=_ALWAYS)
    for folder, pattern in SOURCES:
        for path in sorted((ROOT / folder).rglob(pattern)):
            for message, context in _texts(path):
                place = (str(path.relative_to(ROOT)), 0)
                catalog.add(message, locations=[place], context=context)
    return catalog


def _texts(path: Path) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        source = _as_python(source, path)
    file = io.BytesIO(source.encode())
    for _, message, _, context in extract("python", file, keywords=_MARKS):
        yield message, context


def _as_python(template: str, path: Path) -> str:
    """Return a template as the lines of calls that Django makes of its tags."""
    from django.utils.translation.template import templatize  # noqa: PLC0415 wants settings

    return "\n".join(line.lstrip() for line in templatize(template, origin=str(path)).splitlines())


def catalogues() -> dict[str, Path]:
    """Return the .po of every language that there is one for."""
    return {path.parts[-3]: path for path in sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))}


def read(path: Path) -> Catalog:
    """Return a catalogue as it is on disk."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], domain="django")


def written(catalog: Catalog) -> bytes:
    """Return a catalogue as the text of a .po."""
    catalog.creation_date = catalog.revision_date = _ALWAYS
    catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = ""
    file = io.BytesIO()
    write_po(file, catalog, width=100, include_lineno=False, ignore_obsolete=True)
    return file.getvalue()


def is_translated(message: Message) -> bool:
    """Whether a text has all its translations."""
    said = message.string if isinstance(message.string, list | tuple) else [message.string]
    return bool(said) and all(said) and not message.fuzzy


def compiled(catalog: Catalog) -> bytes:
    """Return a catalogue as a .mo, without the texts that lack a translation.

    Babel would write a text with plurals as an empty one, and Django would show it so.
    """
    told = Catalog(locale=catalog.locale, charset="utf-8", creation_date=_ALWAYS, fuzzy=False)
    for message in catalog:
        if message.id and is_translated(message):
            told.add(message.id, message.string, context=message.context)
    file = io.BytesIO()
    write_mo(file, told)
    return file.getvalue()


def meanings(mo: bytes) -> dict[object, str]:
    """Return what a .mo says of each text; without its head, which names the tool."""
    said = gettext.GNUTranslations(io.BytesIO(mo))._catalog  # type: ignore[attr-defined]
    return {text: translation for text, translation in said.items() if text}


def update(path: Path) -> None:
    """Bring a .po and the .mo beside it up to date with the sources."""
    catalog = read(path)
    catalog.update(gathered(), no_fuzzy_matching=True)
    path.write_bytes(written(catalog))
    path.with_suffix(".mo").write_bytes(compiled(catalog))
    count = sum(not is_translated(message) for message in catalog if message.id)
    print(f"{path.relative_to(ROOT)}: {len(catalog)} texts, {count} without a translation")  # noqa: T201


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    for each in catalogues().values():
        update(each)
