"""The demo's second half, once its environment stands: fill the database, then serve.

A script: Django has to be set up before the demo's people can be imported. Its word is the address
of the stand-in's console.
"""

import sys

from portal.env import SettingsProblem
from portal.server import serve

try:
    serve.prepare()
except SettingsProblem as problem:
    sys.exit(str(problem))

from demo import people
from portal.settings import PORTAL_URL


def welcome(console_url: str) -> None:
    """Say where the portal is, whom to sign in as, and where to play AWS's own administrator."""
    print(f"\nSekisho is at {PORTAL_URL}, with a local stand-in instead of AWS.\n")
    print(f"  {'name':8}{'password':20}may")
    for person in people.CAST:
        print(f"  {person.name:8}{person.password:20}{person.may}")
    print(f"\nWhat the administration gives you to paste into AWS goes to {console_url}/iam/")
    print("\nCtrl-C ends both.\n", flush=True)


if __name__ == "__main__":
    people.settle_if_changed()
    welcome(sys.argv[1])
    serve.serve()
