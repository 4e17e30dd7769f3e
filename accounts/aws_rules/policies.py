"""What has to stand in AWS for exactly this role, ready to paste: JSON, AWS CLI, Terraform.

Two policies in two places let the portal in. The role's *trust policy* says who may enter it; the
*permission policy* of the portal's own identity says what the portal may ask for. The classic
mistake writes the first where the second belongs, among a role's permissions: there it means
nothing, and nobody may enter.

A federation token has no role and no trust: the portal's IAM user needs the right to ask for
tokens, and itself every right that a session shall have.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from accounts.aws_rules.limits import SECONDS_MIN, role_arn
from accounts.aws_rules.partitions import partition
from accounts.errors import gettext_noop

Statement: TypeAlias = dict[str, Any]

VERSION = "2012-10-17"
LEAST_ROLE_MAXIMUM = 3_600
"""IAM knows no smaller MaxSessionDuration."""
CLASSIC_MISTAKE = gettext_noop(
    "The classic mistake: the statement with the Principal written among the role’s permissions. "
    "It belongs on the role’s page in IAM under “Trust relationships”; among permissions it means "
    "nothing, and AWS answers AccessDenied."
)
UNKNOWN_ACCOUNT = "ACCOUNT-OF-THE-PORTAL"
UNKNOWN_USER = "USER-OF-THE-PORTAL"

_LONGEST_POLICY_NAME = 128
_IDENTITY = re.compile(
    r"arn:(?P<partition>[a-z-]+):(?P<service>iam|sts)::(?P<account>[0-9]{12}):"
    r"(?P<kind>user|role|assumed-role|root)(?:/(?P<path>.+))?"
)


@dataclass(frozen=True)
class Asked:
    """What a role asks of AWS: as much of it as policies depend on.

    ``longest_seconds`` is the longest life of its credentials; ``session_policy`` JSON text.
    """

    method: str
    partition: str
    account_id: str
    name: str
    longest_seconds: int = SECONDS_MIN
    external_id: str = ""
    has_tags: bool = False
    sets_source_identity: bool = False
    session_policy: str = ""
    policy_arns: tuple[str, ...] = ()

    @property
    def is_token(self) -> bool:
        """Whether it is a federation token: no role, no trust."""
        return self.method == "federation_token"

    @property
    def path(self) -> str:
        """The role's path as IAM writes it, ``/`` or ``/team/``."""
        before = self.name.rpartition("/")[0]
        return f"/{before}/" if before else "/"

    @property
    def bare_name(self) -> str:
        """The role's name without its path."""
        return self.name.rpartition("/")[2]

    @property
    def maximum(self) -> int:
        """The MaxSessionDuration that the IAM role needs, in seconds."""
        return max(LEAST_ROLE_MAXIMUM, self.longest_seconds)


@dataclass(frozen=True)
class Principal:
    """The portal's own identity as a policy names it.

    ``kind`` is ``user`` or ``role``. ``is_known``: AWS said so itself, else ``arn``
    holds words to be replaced. ``may_lack_path``: AWS leaves a role's path out when it says who a
    session is.
    """

    arn: str
    kind: str
    name: str
    account_id: str
    is_known: bool = True
    may_lack_path: bool = False


def principal_of(identity_arn: str, partition_name: str) -> Principal:
    """The principal for what GetCallerIdentity answered; empty where nobody has asked yet.

    AWS lets an account's root user enter no role: in its stead stands a user yet to be made.
    """
    found = _IDENTITY.fullmatch(identity_arn)
    if found is None:
        arn = f"arn:{partition_name}:iam::{UNKNOWN_ACCOUNT}:user/{UNKNOWN_USER}"
        return Principal(arn, "user", UNKNOWN_USER, UNKNOWN_ACCOUNT, is_known=False)
    start = f"arn:{found['partition']}:iam::{found['account']}"
    if found["kind"] == "root":
        arn = f"{start}:user/{UNKNOWN_USER}"
        return Principal(arn, "user", UNKNOWN_USER, found["account"], is_known=False)
    path = found["path"] or ""
    if found["kind"] == "assumed-role":
        name = path.partition("/")[0]
        return Principal(f"{start}:role/{name}", "role", name, found["account"], may_lack_path=True)
    name = path.rpartition("/")[2]
    return Principal(identity_arn, found["kind"], name, found["account"])


@dataclass(frozen=True)
class Text:
    """One text to paste and what it is for (a message id)."""

    title: str
    text: str


@dataclass(frozen=True)
class Policy:
    """One policy in all its forms. ``account_id`` is where it is to be pasted.

    ``kind`` is ``trust``, ``permission``, ``rights`` or ``maximum``, which is no policy but a value
    of the role; ``title`` and ``where`` are message ids.
    """

    kind: str
    title: str
    where: str
    account_id: str
    json: tuple[Text, ...]
    cli: tuple[Text, ...]
    terraform: Text
    maximum_seconds: int = 0
    """MaxSessionDuration where JSON cannot say it: IAM’s own would be too little for this role."""

    @property
    def forms(self) -> tuple[tuple[str, tuple[Text, ...]], ...]:
        """Every form by its name."""
        every = (("JSON", self.json), ("AWS CLI", self.cli), ("Terraform", (self.terraform,)))
        return tuple((name, texts) for name, texts in every if texts)


def policies(asked: Asked, principal: Principal) -> tuple[Policy, ...]:
    """Every policy that this role needs, the likeliest to be wrong first.

    Raises InvalidRequest for a partition that the portal does not serve.
    """
    if not asked.is_token:
        return (_trust(asked, principal), _permission(asked, principal))
    rights = (_rights(asked, principal),) if asked.session_policy or asked.policy_arns else ()
    return (_permission(asked, principal), *rights)


def maximum(asked: Asked) -> Policy:
    """The longest session that the IAM role must allow for what this role asks."""
    return Policy(
        kind="maximum",
        title=gettext_noop("Maximum session duration of the role"),
        where=gettext_noop("In the role’s account, on the role’s page in IAM"),
        account_id=asked.account_id,
        json=(),
        cli=(Text(_COMMANDS, _lengthen(asked)),),
        terraform=Text(
            gettext_noop("In the role’s aws_iam_role"),
            f"max_session_duration = {asked.maximum}",
        ),
    )


def trust_policy(asked: Asked, principal: Principal) -> dict[str, Any]:
    """The document that lets the portal enter the role, as far as the role asks for it.

    Entering and naming are statements of their own: a condition on the external id is about
    AssumeRole alone.
    """
    who = {"AWS": principal.arn}
    enter: Statement = {
        "Sid": "PortalEnters",
        "Effect": "Allow",
        "Principal": who,
        "Action": "sts:AssumeRole",
    }
    if asked.external_id:
        enter["Condition"] = {"StringEquals": {"sts:ExternalId": asked.external_id}}
    statements = [enter]
    if beside := _actions_beside(asked):
        statements.append(
            {"Sid": "PortalNames", "Effect": "Allow", "Principal": who, "Action": beside}
        )
    return _document(statements)


def permission_policy(asked: Asked, principal: Principal) -> dict[str, Any]:
    """The document that lets the portal's own identity ask AWS for this session."""
    if not asked.is_token:
        actions = ["sts:AssumeRole", *_actions_beside(asked)]
        arn = role_arn(asked.partition, asked.account_id, asked.name)
        return _document([_allow("PortalAsks", actions, arn)])
    tokens = f"arn:{partition(asked.partition).name}:sts::{asked.account_id}:federated-user/*"
    statements = [_allow("PortalAsks", ["sts:GetFederationToken"], tokens)]
    if asked.has_tags:
        statements.append(_allow("PortalNames", ["sts:TagSession"], "*"))
    return _document(statements)


def _actions_beside(asked: Asked) -> list[str]:
    wanted = {
        "sts:SetSourceIdentity": asked.sets_source_identity,
        "sts:TagSession": asked.has_tags,
    }
    return [action for action, is_wanted in wanted.items() if is_wanted]


def _allow(sid: str, actions: Sequence[str], resource: str) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions) if len(actions) > 1 else actions[0],
        "Resource": resource,
    }


def _document(statements: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": VERSION, "Statement": list(statements)}


# --- the three policies in all their forms ----------------------------------------------------

_NEW_ROLE = gettext_noop("The role does not exist yet")
_ROLE_IS_THERE = gettext_noop("The role exists: this replaces its whole trust policy")
_JSON = gettext_noop("The policy document")
_COMMANDS = gettext_noop("With credentials of that account")
_MODULE = gettext_noop("In that account’s configuration")


def _trust(asked: Asked, principal: Principal) -> Policy:
    document = trust_policy(asked, principal)
    return Policy(
        kind="trust",
        title=gettext_noop("Trust policy of the role"),
        where=gettext_noop("In the role’s account, under “Trust relationships” of the role"),
        account_id=asked.account_id,
        json=(Text(_JSON, readable(document)),),
        cli=tuple(_trust_commands(asked, document)),
        terraform=Text(_MODULE, _trust_terraform(asked, document)),
        maximum_seconds=asked.maximum if asked.maximum > LEAST_ROLE_MAXIMUM else 0,
    )


def _trust_commands(asked: Asked, document: Mapping[str, Any]) -> Iterator[Text]:
    name = ("--role-name", asked.bare_name)
    length = ("--max-session-duration", str(asked.maximum))
    path = [("--path", asked.path)] if asked.path != "/" else []
    trusts = ("--assume-role-policy-document", readable(document))
    yield Text(_NEW_ROLE, _command(asked, "create-role", name, *path, length, trusts))
    replaced = _command(
        asked, "update-assume-role-policy", name, ("--policy-document", readable(document))
    )
    yield Text(_ROLE_IS_THERE, f"{replaced}\n{_lengthen(asked)}")


def _lengthen(asked: Asked) -> str:
    name = ("--role-name", asked.bare_name)
    return _command(asked, "update-role", name, ("--max-session-duration", str(asked.maximum)))


def _permission(asked: Asked, principal: Principal) -> Policy:
    document = permission_policy(asked, principal)
    label = f"{_label(asked)}_portal"
    written = f"data.aws_iam_policy_document.{label}.json"
    attached = _own_policy(asked, principal, label, _policy_name(asked), written)
    return Policy(
        kind="permission",
        title=gettext_noop("Permission policy of the portal’s own identity"),
        where=_own_place(principal),
        account_id=principal.account_id,
        json=(Text(_JSON, readable(document)),),
        cli=(Text(_COMMANDS, _put_policy(asked, principal, document, _policy_name(asked))),),
        terraform=Text(_MODULE, f"{_hcl_document(label, document)}\n\n{attached}"),
    )


def _rights(asked: Asked, principal: Principal) -> Policy:
    commands, blocks = [], []
    name = _policy_name(asked, "portal-rights")
    document = json.loads(asked.session_policy) if asked.session_policy else None
    if document is not None:
        commands.append(_put_policy(asked, principal, document, name))
        label = f"{_label(asked)}_rights"
        blocks.append(_own_policy(asked, principal, label, name, _heredoc(document)))
    for number, arn in enumerate(asked.policy_arns, 1):
        commands.append(_attach(asked, principal, arn))
        head = f'resource "aws_iam_user_policy_attachment" "{_label(asked)}_{number}"'
        lines = _lines([("user", _hcl(principal.name)), ("policy_arn", _hcl(arn))])
        blocks.append(_block(head, lines))
    return Policy(
        kind="rights",
        title=gettext_noop("What the portal’s IAM user must be allowed itself"),
        where=gettext_noop(
            "On the portal’s IAM user: a federation token never has more rights than its user"
        ),
        account_id=principal.account_id,
        json=tuple(_rights_in_words(asked, document)),
        cli=(Text(_COMMANDS, "\n".join(commands)),),
        terraform=Text(_MODULE, "\n\n".join(blocks)),
    )


def _rights_in_words(asked: Asked, document: Mapping[str, Any] | None) -> Iterator[Text]:
    if document is not None:
        yield Text(_JSON, readable(document))
    if asked.policy_arns:
        yield Text(gettext_noop("Managed policies to attach"), "\n".join(asked.policy_arns))


def _own_place(principal: Principal) -> str:
    if principal.kind == "role":
        return gettext_noop("In the portal’s own account, among the permissions of its role")
    return gettext_noop("In the portal’s own account, among the permissions of its IAM user")


def readable(document: Mapping[str, Any]) -> str:
    """A document as JSON with a line for each value."""
    return json.dumps(document, indent=2, ensure_ascii=False)


# --- AWS CLI ---------------------------------------------------------------------------------


def _put_policy(
    asked: Asked, principal: Principal, document: Mapping[str, Any], policy_name: str
) -> str:
    kind = _kind_of_owner(principal)
    return _command(
        asked,
        f"put-{kind}-policy",
        (f"--{kind}-name", principal.name),
        ("--policy-name", policy_name),
        ("--policy-document", readable(document)),
    )


def _attach(asked: Asked, principal: Principal, arn: str) -> str:
    user = ("--user-name", principal.name)
    return _command(asked, "attach-user-policy", user, ("--policy-arn", arn))


def _kind_of_owner(principal: Principal) -> str:
    return "role" if principal.kind == "role" else "user"


def _policy_name(asked: Asked, start: str = "portal") -> str:
    """One name for each role: pasted beside another's, a policy must not replace that one."""
    # Names of policies allow what names of roles allow, paths none.
    whole = f"{start}-{asked.account_id}-{asked.name}"
    kept = re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", whole.replace("/", "."))
    if kept == whole and len(kept) <= _LONGEST_POLICY_NAME:
        return kept
    own = f"-{_fingerprint(asked)}"
    return kept[: _LONGEST_POLICY_NAME - len(own)] + own


def _fingerprint(asked: Asked) -> str:
    """Eight letters that tell roles apart whose names cannot stand whole in another name."""
    return hashlib.sha256(asked.name.encode()).hexdigest()[:8]


def _command(asked: Asked, verb: str, *options: tuple[str, str]) -> str:
    """One call of the AWS CLI for bash; outside the usual partition the region chooses it."""
    home = partition(asked.partition)
    region = [("--region", home.default_sts_region)] if home.name != "aws" else []
    words = [f"{name} {shlex.quote(value)}" for name, value in (*options, *region)]
    return " \\\n  ".join([f"aws iam {verb}", *words])


# --- Terraform -------------------------------------------------------------------------------


def _trust_terraform(asked: Asked, document: Mapping[str, Any]) -> str:
    label = _label(asked)
    path = [("path", _hcl(asked.path))] if asked.path != "/" else []
    role = _lines(
        [
            ("name", _hcl(asked.bare_name)),
            *path,
            ("max_session_duration", str(asked.maximum)),
            ("assume_role_policy", f"data.aws_iam_policy_document.{label}_trust.json"),
        ]
    )
    resource = _block(f'resource "aws_iam_role" "{label}"', role)
    return f"{_hcl_document(f'{label}_trust', document)}\n\n{resource}"


def _own_policy(
    asked: Asked, principal: Principal, label: str, policy_name: str, written: str
) -> str:
    kind = _kind_of_owner(principal)
    values = [("name", _hcl(policy_name)), (kind, _hcl(principal.name)), ("policy", written)]
    return _block(f'resource "aws_iam_{kind}_policy" "{label}"', _lines(values))


def _hcl_document(label: str, document: Mapping[str, Any]) -> str:
    statements = [_hcl_statement(statement) for statement in document["Statement"]]
    body = "\n\n".join(_block("statement", statement) for statement in statements)
    return _block(f'data "aws_iam_policy_document" "{label}"', body)


def _hcl_statement(statement: Statement) -> str:
    actions = statement["Action"]
    values = [
        ("sid", _hcl(statement["Sid"])),
        ("actions", _hcl_list([actions] if isinstance(actions, str) else actions)),
    ]
    if "Resource" in statement:
        values.append(("resources", _hcl_list([statement["Resource"]])))
    parts = [_lines(values)]
    if "Principal" in statement:
        who = [("type", _hcl("AWS")), ("identifiers", _hcl_list([statement["Principal"]["AWS"]]))]
        parts.append(_block("principals", _lines(who)))
    for test, wanted in statement.get("Condition", {}).items():
        for variable, value in wanted.items():
            lines = [
                ("test", _hcl(test)),
                ("variable", _hcl(variable)),
                ("values", _hcl_list([value])),
            ]
            parts.append(_block("condition", _lines(lines)))
    return "\n\n".join(parts)


def _label(asked: Asked) -> str:
    """A role's name in Terraform, which no other role has: all may stand in one module."""
    words = re.sub(r"[^a-z0-9]+", "_", asked.name.lower()).strip("_")
    words = words if words[:1].isalpha() else f"role_{words}".rstrip("_")
    # IAM takes names for the same that differ in case only; a token's is none of IAM's.
    is_whole = words == (asked.name if asked.is_token else asked.name.lower())
    return f"{words}_{asked.account_id}" + ("" if is_whole else f"_{_fingerprint(asked)}")


def _block(head: str, body: str) -> str:
    inner = "\n".join(f"  {line}" if line else "" for line in body.split("\n"))
    return f"{head} {{\n{inner}\n}}"


def _lines(values: Sequence[tuple[str, str]]) -> str:
    """Attributes below each other, their signs in line as ``terraform fmt`` wants them."""
    longest = max(len(name) for name, _ in values)
    return "\n".join(f"{name:<{longest}} = {value}" for name, value in values)


def _hcl_list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_hcl, texts))}]"


def _hcl(text: str) -> str:
    return f'"{_no_template(json.dumps(text, ensure_ascii=False)[1:-1])}"'


def _heredoc(document: Mapping[str, Any]) -> str:
    """A policy as it is, between lines: its own placeholders are not Terraform's."""
    return f"<<-JSON\n{_no_template(readable(document))}\nJSON"


def _no_template(text: str) -> str:
    return text.replace("${", "$${").replace("%{", "%%{")
