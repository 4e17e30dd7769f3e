"""The demo's second half, once its environment stands: fill the database, then serve."""

import sys

from demo import people
from portal import serve
from portal.env import SettingsProblem
from portal.settings import PORTAL_URL


def main() -> None:
    """Serve the demo until Ctrl-C."""
    try:
        serve.prepare()
    except SettingsProblem as problem:
        sys.exit(str(problem))
    people.settle()
    _welcome()
    serve.serve()


def _welcome() -> None:
    print(f"\nSekisho is at {PORTAL_URL}, with a local stand-in instead of AWS.\n")
    for person in people.CAST:
        print(f"  {person.name:6}{person.password:16}{person.may}")
    print("\nCtrl-C ends both.\n", flush=True)


if __name__ == "__main__":
    main()
