"""Pages that say what will happen and ask once, before one thing or many are changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from accounts.administration.removal import plural_of

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

_SHOWN = 10


@dataclass(frozen=True)
class Part:
    """Some things of one kind: what they are called, how many, and the first names.

    ``newest`` is the greatest of their keys.
    """

    title: str
    number: int
    names: Sequence[str]
    newest: int | str | None

    @classmethod
    def of(
        cls,
        rows: QuerySet,
        title: str = "",
        *,
        shown: QuerySet | None = None,
        words: Callable[[Any], str] = str,
    ) -> Self:
        """Count them and read the first; of the first of ``shown``, where not all have a name."""
        title = title or plural_of(rows.model)
        names = [words(row) for row in (rows if shown is None else shown)[:_SHOWN]]
        look = rows.aggregate(number=Count("pk"), newest=Max("pk"))
        return cls(title, look["number"], names, look["newest"])

    @property
    def more(self) -> int:
        """How many have no name here."""
        return self.number - len(self.names)


@dataclass(frozen=True)
class Question:
    """What is asked: ``button`` says what it does, ``back`` is where to go instead.

    ``hidden`` is posted along; ``look`` is a page to look at before, its words and address.
    Texts are translated already.
    """

    heading: str
    sentences: Sequence[str]
    button: str
    back: str
    is_danger: bool = False
    look: tuple[str, str] | None = None
    hidden: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def ask(request: HttpRequest, pages: "ModelAdmin", question: Question) -> TemplateResponse:
    """Show the question; its form posts to the address that it was asked at."""
    context = {
        **pages.admin_site.each_context(request),
        "title": question.heading,
        "opts": pages.opts,
        "question": question,
    }
    return TemplateResponse(request, "admin/ask.html", context)
