"""Access files for the tests, and the command that applies them."""

import io
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command

CONTRACTS_OWN = """\
version: 1
defaults: {source: default, region: ap-northeast-1}
sources:
  - name: default
  - name: hub
    profile: hub-profile
accounts:
  - id: "222222222222"
    alias: payments-prod
    name: Payments production
    environment: production
    colour: "#b91c1c"
    tags: {team: payments}
    roles:
      - name: Developer
        region: ap-northeast-1
        destination: s3
  - id: "111111111111"
    name: Hub
    roles:
      - name: auditor
        method: federation_token
        session_seconds: 43200
        max_session_seconds: 129600
        session_policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:List*", Resource: "*"}]}
groups:
  - name: on-call
    members: [ann]
grants:
  - group: payments
    account: payments-prod
    role: Developer
    expires: "2027-12-31T00:00:00Z"
    note: quarterly review 12
bookmarks:
  - {group: payments, name: Payment queues, account: payments-prod, role: Developer, destination: sqs, region: ap-northeast-1}
"""  # noqa: E501

SMALL = """\
version: 1
accounts:
  - id: "222222222222"
    alias: payments-prod
    roles:
      - name: Developer
      - name: team/Auditor
  - id: "333333333333"
    alias: sandbox
    roles:
      - name: Developer
groups:
  - name: on-call
    members: [ann, bob]
grants:
  - {group: payments, account: payments-prod, role: Developer}
  - {group: on-call, account: payments-prod, role: "*"}
  - {user: carol, account: sandbox, role: Developer}
bookmarks:
  - {group: payments, name: Queues, account: payments-prod, role: Developer, destination: sqs}
"""


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left at the terminal."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.out.splitlines()[-1]


def run(*words: str) -> Outcome:
    """Run ``manage.py access`` with these words."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    try:
        call_command("access", *words, stdout=out, stderr=err)
    except SystemExit as stop:
        status = int(stop.code or 0)
    return Outcome(status, out.getvalue(), err.getvalue())


@dataclass
class Folder:
    """Where a test's file lies; errors call it ``FILE``."""

    path: Path

    def apply(self, text: str | bytes, *words: str) -> Outcome:
        """Write the file and apply it."""
        file = self.path / "access.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        outcome = run("apply", str(file), *words)
        return Outcome(outcome.status, outcome.out, outcome.err.replace(str(file), "FILE"))

    def applied(self, text: str, *words: str) -> Outcome:
        """Apply a file that must be right."""
        outcome = self.apply(text, *words)
        assert outcome.status == 0, outcome.err
        return outcome
