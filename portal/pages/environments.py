"""What pages call an account's environment, and which shape and colour stand for it."""

from dataclasses import dataclass

from django.utils.translation import gettext, gettext_lazy

from accounts.models import KNOWN_ENVIRONMENTS

KINDS = (*KNOWN_ENVIRONMENTS, "other")
"""The five kinds that have a shape and a colour, in the order in which pages show them."""

_TITLES = {
    "production": gettext_lazy("Production"),
    "staging": gettext_lazy("Staging"),
    "development": gettext_lazy("Development"),
    "sandbox": gettext_lazy("Sandbox"),
    "other": gettext_lazy("Other"),
}


@dataclass(frozen=True)
class Environment:
    """``kind`` chooses shape and colour, ``title`` is the word beside them."""

    kind: str
    title: str


def kind_of(name: str) -> str:
    """Return the kind of the environment of that name."""
    return name if name in KNOWN_ENVIRONMENTS else "other"


def environment(name: str) -> Environment:
    """Return the environment of that name; a word of the administrator's stays their word."""
    if name in _TITLES:
        return Environment(name, str(_TITLES[name]))
    if not name:
        return Environment("other", gettext("Other"))
    return Environment("other", name[:1].upper() + name[1:])
