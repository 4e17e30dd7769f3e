"""What the directory said of many people."""

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.directory.changes import DirectoryPerson


@dataclass(frozen=True)
class Reading:
    """People by the names that they have here; None: nobody has their id, nor alone their name.

    Of those in ``unreadable``, who are not among ``people``, the directory said nothing certain.
    """

    people: Mapping[str, DirectoryPerson | None]
    unreadable: frozenset[str]
