"""What is wrong with an access file, each with its line and key."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_SHOWN = 200


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake. ``line`` counts from 1; 0 where there is no line to name."""

    line: int
    key: str
    reason: str

    def text(self, file: str) -> str:
        """Return it as ``FILE:LINE: key: reason``."""
        place = f"{file}:{self.line}" if self.line else file
        return f"{place}: {self.key}: {self.reason}"


class AccessFileProblems(Exception):
    """The file cannot be applied; nothing was changed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__(f"{len(self.problems)} problems in the access file")

    def lines(self, file: str) -> Iterator[str]:
        """Return a line a problem: ``MOST_SHOWN`` of them, and one that says how many more."""
        for problem in self.problems[:MOST_SHOWN]:
            yield problem.text(file)
        if len(self.problems) > MOST_SHOWN:
            yield f"{file}: problems: {len(self.problems) - MOST_SHOWN} more are not shown"
