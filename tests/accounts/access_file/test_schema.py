"""Every mistake in an access file is named with its line and key, and nothing is changed."""

import pytest

from accounts.access_file.document import Mapping, Node, Scalar, Sequence
from accounts.access_file.problems import AccessFileProblems
from accounts.access_file.role_schema import ROLE_KEYS
from accounts.access_file.schema import read
from accounts.access_file.session_policy import policy_of
from accounts.access_file.specs import AccessFile
from accounts.aws_rules.policy_text import DEEPEST, NotAPolicy
from tests.accounts.access_file.files import CONTRACTS_OWN

HEAD = "version: 1\n"
ACCOUNT = '\naccounts:\n  - id: "222222222222"\n'
IN_ACCOUNT = "version: 1\naccounts:\n  - id: '222222222222'\n    "
TAGS_51 = f"{{{', '.join(f'k{n}: v' for n in range(51))}}}"
IN_ROLE = IN_ACCOUNT + "roles:\n      - name: Developer\n        "
ALL = '{"Effect":"Allow","Action":"*","Resource":"*"}'
IN_TOKEN = (
    f"{IN_ROLE}method: federation_token\n        session_policy: {{Statement: {ALL}}}\n        "
)
IN_GRANT = "version: 1\ngrants:\n  - user: ann\n    account: '*'\n    role: '*'\n    "
IN_BOOKMARK = (
    "version: 1\nbookmarks:\n  - group: payments\n    name: Queues\n    account: hub\n    "
    "role: Developer\n    "
)

MISTAKES = [
    ("", 1, "version", "is required"),
    ("version: 2\n", 1, "version", "must be 1"),
    (HEAD + "acounts: []\n", 2, "acounts", "unknown key (did you mean accounts?)"),
    (HEAD + "accounts: yes\n", 2, "accounts", "must be a list"),
    (HEAD + "accounts:\n  - hub\n", 3, "accounts", "must be a mapping"),
    (HEAD + "sources:\n  - profile: x\n", 3, "name", "is required"),
    (HEAD + "sources:\n  - name: hub\n    keys: x\n", 4, "keys", "unknown key"),
    (HEAD + "sources:\n  - name: hub\n  - name: hub\n", 4, "name", "the first is on line 3"),
    (HEAD + "accounts:\n  - alias: x\n", 3, "id", "is required"),
    (HEAD + "accounts:\n  - id: 12345\n", 3, "id", "must be 12 digits"),
    (HEAD + "accounts: [{id: 222222222222}, {id: 222222222222}]\n", 2, "id", "on line 2"),
    (IN_ACCOUNT + "alias: Payments\n", 4, "alias", "lower-case letters"),
    (IN_ACCOUNT + "alias: '333333333333'\n", 4, "alias", "not 12 digits"),
    (IN_ACCOUNT + f"alias: {'x' * 64}\n", 4, "alias", "1 to 63"),
    (
        IN_ACCOUNT + "alias: x\n  - id: '333333333333'\n    alias: x\n",
        6,
        "alias",
        "the first is on line 4",
    ),
    (IN_ACCOUNT + "partition: aws-iso\n", 4, "partition", "must be one of aws, aws-us-gov"),
    (IN_ACCOUNT + f"name: {'x' * 101}\n", 4, "name", "at most 100 characters long, not 101"),
    (IN_ACCOUNT + 'name: "a\\nb"\n', 4, "name", "line breaks"),
    (IN_ACCOUNT + "name: [x]\n", 4, "name", "must be text"),
    (IN_ACCOUNT + "environment: very hot\n", 4, "environment", "one word"),
    (IN_ACCOUNT + "color: '#b91c1c'\n", 4, "color", "did you mean colour"),
    (IN_ACCOUNT + "colour: red\n", 4, "colour", "#b91c1c"),
    (IN_ACCOUNT + "tags: payments\n", 4, "tags", "must be a mapping of text"),
    (IN_ACCOUNT + "tags: {team: [x]}\n", 4, "tags", "the value of team must be text"),
    (IN_ACCOUNT + f"tags: {{{'x' * 129}: y}}\n", 4, "tags", "at most 128"),
    (IN_ACCOUNT + f"tags: {TAGS_51}\n", 4, "tags", "at most 50 tags are allowed, not 51"),
    (IN_ACCOUNT + "disabled: yes\n", 4, "disabled", "must be true or false"),
    (IN_ACCOUNT + "roles:\n      - title: x\n", 5, "name", "is required"),
    (IN_ACCOUNT + "roles:\n      - name: a b\n", 5, "name", "the role’s name"),
    (IN_ROLE + "\n      - name: Developer\n", 7, "name", "the first is on line 5"),
    (IN_ROLE + "titel: x\n", 6, "titel", "did you mean title"),
    (IN_ROLE + "method: saml\n", 6, "method", "must be assume_role or federation_token"),
    (IN_ROLE + "session_seconds: 1h\n", 6, "session_seconds", "must be a whole number"),
    (IN_ROLE + "session_seconds: 899\n", 6, "session_seconds", "between 900 s and 43200 s"),
    (IN_ROLE + "session_seconds: 43201\n", 6, "session_seconds", "between 900 s and 43200 s"),
    (IN_TOKEN + "session_seconds: 129601\n", 8, "session_seconds", "between 900 s and 129600 s"),
    (IN_ROLE + "max_session_seconds: 1800\n", 6, "max_session_seconds", "at least session_seconds"),
    (
        IN_ROLE + "max_session_seconds: 43201\n",
        6,
        "max_session_seconds",
        "between 900 s and 43200 s",
    ),
    (IN_ROLE + "console_seconds: 60\n", 6, "console_seconds", "between 900 s and 43200 s"),
    (IN_TOKEN + "console_seconds: 3600\n", 8, "console_seconds", "federation_token"),
    (IN_TOKEN + "console_seconds: 0\n", 8, "console_seconds", "federation_token"),
    (IN_TOKEN + "external_id: abc\n", 8, "external_id", "federation_token"),
    (IN_TOKEN + "set_source_identity: true\n", 8, "set_source_identity", "federation_token"),
    (IN_ROLE + "method: federation_token\n", 5, "session_policy", "or policy_arns"),
    (IN_ROLE + "external_id: a b\n", 6, "external_id", "may hold only"),
    (IN_ROLE + "session_policy: Allow\n", 6, "session_policy", "mapping or JSON text"),
    (IN_ROLE + "session_policy: {Version: x}\n", 6, "session_policy", "Statement"),
    (IN_ROLE + "session_policy: {Statement: []}\n", 6, "session_policy", "needs a statement"),
    (IN_ROLE + "region: eu-mars-1\n", 6, "region", "is not a region of the partition aws"),
    (IN_ROLE + "session_policy: {Statement: [null]}\n", 6, "session_policy", "has no value"),
    (
        IN_ROLE + 'session_policy: \'{"Statement": 1, "Statement": 2}\'\n',
        6,
        "session_policy",
        "stands twice",
    ),
    (
        IN_ROLE + f"session_policy: {{Statement: [{'x' * 2048}]}}\n",
        6,
        "session_policy",
        "must be 1 to 2048 characters",
    ),
    (
        IN_ROLE + "session_policy: '{\"Statement\": [{]}'\n",
        6,
        "session_policy",
        "line 1, column 17 needs a name in double quotes",
    ),
    (IN_ROLE + "session_policy: {Statement: [x]}\n", 6, "session_policy", "must be a mapping"),
    (
        IN_ROLE + "session_policy: {Statement: [{Effect: Allow, Principal: '*'}]}\n",
        6,
        "session_policy",
        "belongs in the role’s trust policy",
    ),
    (
        IN_ROLE + "session_policy: {Statement: {Effect: Allow, Action: 's3:*', "
        "Resource: 'arn:aws-cn:s3:::x'}}\n",
        6,
        "session_policy",
        "is of the partition aws-cn, the account of aws",
    ),
    (IN_ROLE + "policy_arns: [ReadOnly]\n", 6, "policy_arns", "must be the ARN"),
    (
        IN_ROLE + "policy_arns: ['arn:aws:iam::333333333333:policy/x']\n",
        6,
        "policy_arns",
        "must be in account 222222222222",
    ),
    (IN_ROLE + "policy_arns: x\n", 6, "policy_arns", "must be a list"),
    (IN_ROLE + "session_tags: {who: '{password}'}\n", 6, "session_tags", "may stand in braces"),
    (IN_ROLE + "session_tags: {who: '{username.x}'}\n", 6, "session_tags", "may stand in braces"),
    (IN_ROLE + "session_tags: {who: 'a,b'}\n", 6, "session_tags", "letters, digits, spaces"),
    (IN_ROLE + "session_tags: {'aws:x': y}\n", 6, "session_tags", "aws:"),
    (IN_ROLE + "region: us-gov-west-1\n", 6, "region", "not a region of the partition aws"),
    (IN_ROLE + "destination: https://evil.example/\n", 6, "destination", "not an address"),
    (IN_ROLE + "require: {mfa: true}\n", 6, "mfa", "only as false for now"),
    (IN_ROLE + "require: {approval: true}\n", 6, "approval", "only as false for now"),
    (IN_ROLE + "require: {ticket: true}\n", 6, "ticket", "unknown key"),
    (IN_ROLE + "require: reason\n", 6, "require", "must be a mapping"),
    (HEAD + "defaults: {colour: x}\n", 2, "colour", "unknown key"),
    (HEAD + "defaults: {disabled: x}\n" + ACCOUNT, 2, "disabled", "must be true or false"),
    (
        HEAD + "defaults: {region: cn-north-1}\naccounts:\n  - id: '222222222222'\n"
        "    roles: [{name: x}]\n",
        5,
        "region",
        "(the value is from defaults)",
    ),
    (HEAD + "groups:\n  - members: [ann]\n", 3, "name", "is required"),
    (HEAD + "groups:\n  - name: a\n    members: ann\n", 4, "members", "must be a list"),
    (HEAD + "groups:\n  - name: a\n    members: [ann, ANN]\n", 4, "members", "ann stands twice"),
    (HEAD + f"groups:\n  - name: {'x' * 151}\n", 3, "name", "1 to 150"),
    (HEAD + 'groups:\n  - name: a\n    members: ["a\\tb"]\n', 4, "members", "control characters"),
    (HEAD + "groups:\n  - name: Ops\n  - name: ops\n", 4, "name", "the first is on line 3"),
    (HEAD + "grants:\n  - {account: '*', role: '*'}\n", 3, "user", "a user or a group is required"),
    (IN_GRANT + "group: x\n", 6, "group", "not both"),
    (HEAD + "grants:\n  - {user: ann, role: '*'}\n", 3, "account", "is required"),
    (HEAD + "grants:\n  - {user: ann, account: {}, role: '*'}\n", 3, "account", "at least one tag"),
    (
        HEAD + f"grants:\n  - {{user: ann, account: {TAGS_51}, role: '*'}}\n",
        3,
        "account",
        "at most 50 tags are allowed, not 51",
    ),
    (HEAD + "grants:\n  - {user: ann, account: '*'}\n", 3, "role", "is required"),
    (HEAD + "grants:\n  - {user: ann, account: '*', role: a*}\n", 3, "role", "the role’s name"),
    (IN_GRANT + "expires: 2027-12-31\n", 6, "expires", "a moment with its zone"),
    (IN_GRANT + "expires: 2027-12-31T00:00:00\n", 6, "expires", "a moment with its zone"),
    (IN_GRANT + "expires: 2027-02-30T00:00:00Z\n", 6, "expires", "a moment with its zone"),
    (IN_GRANT + "starts: 0001-01-01T00:00:00+01:00\n", 6, "starts", "a moment with its zone"),
    (
        IN_GRANT + "starts: 2027-01-01T00:00:00Z\n    expires: 2027-01-01T00:00:00.0Z\n",
        7,
        "expires",
        "must be after starts",
    ),
    (IN_GRANT + f"note: {'x' * 501}\n", 6, "note", "at most 500"),
    (IN_GRANT + 'note: "a\\eb"\n', 6, "note", "control characters"),
    (IN_BOOKMARK + "user: ann\n", 7, "user", "unknown key"),
    (HEAD + "bookmarks:\n  - {name: x, account: a, role: b}\n", 3, "group", "is required"),
    (
        HEAD + "bookmarks:\n  - {group: g, name: x, account: '*', role: b}\n",
        3,
        "account",
        "a bookmark names one account",
    ),
    (HEAD + "bookmarks:\n  - {group: g, name: x, account: a, role: '*'}\n", 3, "role", "name"),
    (
        IN_BOOKMARK + "\n  - {group: PAYMENTS, name: Queues, account: a, role: b}\n",
        8,
        "name",
        "the first is on line 4",
    ),
]


def problems_in(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(AccessFileProblems) as refused:
        read(text.encode())
    return [(problem.line, problem.key, problem.reason) for problem in refused.value.problems]


@pytest.mark.parametrize(("text", "line", "key", "reason"), MISTAKES)
def test_a_mistake_is_named_alone_with_its_line_key_and_reason(
    text: str, line: int, key: str, reason: str
) -> None:
    ((found_line, found_key, found_reason),) = problems_in(text)
    assert (found_line, found_key) == (line, key)
    assert reason in found_reason


def test_all_mistakes_are_named_at_once_in_the_order_of_their_lines() -> None:
    text = IN_ROLE + "disabled: x\n        colour: x\ngrants:\n  - {user: ann}\nnonsense: 1\n"
    assert [(line, key) for line, key, _ in problems_in(text)] == [
        (6, "disabled"),
        (7, "colour"),
        (9, "account"),
        (9, "role"),
        (10, "nonsense"),
    ]


def test_more_mistakes_than_anybody_reads_end_in_a_count() -> None:
    entries = "".join("  - {user: ann}\n" for _ in range(150))
    with pytest.raises(AccessFileProblems) as refused:
        read((HEAD + "grants:\n" + entries).encode())
    lines = list(refused.value.lines("FILE"))
    assert len(lines) == 201
    assert lines[-1] == "FILE: problems: 100 more are not shown"


def good(text: str) -> AccessFile:
    return read(text.encode())


def test_the_contracts_example_is_read_as_it_says() -> None:
    file = good(CONTRACTS_OWN)
    developer, auditor = file.roles
    assert (developer.destination, developer.session_seconds) == ("s3", 3600)
    assert (auditor.method, auditor.max_session_seconds) == ("federation_token", 129_600)
    assert auditor.session_policy == (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:List*","Resource":"*"}]}'
    )
    assert file.grants[0].expires == "2027-12-31T00:00:00Z"
    assert file.bookmarks[0].destination == "sqs"


def test_words_that_yaml_1_1_turns_into_something_else_stay_text() -> None:
    (account,) = good(
        IN_ACCOUNT + "name: NO\n    tags: {country: no, since: 2012-10-17}\n"
    ).accounts
    assert (account.name, dict(account.tags)) == ("NO", {"country": "no", "since": "2012-10-17"})


def test_an_account_number_without_quotes_is_text() -> None:
    (account,) = good(HEAD + "accounts:\n  - id: 012345678901\n").accounts
    assert account.id == "012345678901"


@pytest.mark.parametrize("nothing", ["", "null", "~", "''", '""'])
def test_empty_text_and_null_are_the_same_value_in_every_key(nothing: str) -> None:
    of_role = "".join(f"{key}: {nothing}\n        " for key in ROLE_KEYS if key != "name")
    assert good(IN_ROLE + of_role).roles == good(IN_ROLE).roles
    of_grant = "".join(f"{key}: {nothing}\n    " for key in ("starts", "expires", "note", "group"))
    assert good(IN_GRANT + of_grant).grants == good(IN_GRANT).grants


def test_a_roles_own_value_wins_over_the_defaults_null_included() -> None:
    file = good(
        HEAD + "defaults: {region: eu-west-1, require: {reason: true}, title: Shared}\n"
        "accounts:\n  - id: '222222222222'\n    roles:\n"
        "      - name: a\n      - {name: b, region: us-east-1, title: null}\n"
    )
    a, b = file.roles
    assert (a.region, a.title, a.require) == ("eu-west-1", "Shared", ("reason",))
    assert (b.region, b.title, b.require) == ("us-east-1", "", ("reason",))


def test_a_default_that_a_federation_token_cannot_have_is_left_out_for_it() -> None:
    file = good(
        HEAD + "defaults: {console_seconds: 43200, external_id: abc, set_source_identity: true}\n"
        "accounts:\n  - id: '222222222222'\n    roles:\n      - name: a\n"
        f"      - {{name: b, method: federation_token, session_policy: {{Statement: {ALL}}}}}\n"
    )
    a, b = file.roles
    assert (a.console_seconds, a.external_id, a.set_source_identity) == (43_200, "abc", True)
    assert (b.console_seconds, b.external_id, b.set_source_identity) == (None, "", False)
    assert b.session_seconds == 43_200


def test_a_wrong_default_is_named_once_however_many_roles_have_it() -> None:
    roles = "".join(f"      - name: role{n}\n" for n in range(20))
    text = (
        HEAD + "defaults: {session_seconds: soon}\naccounts:\n  - id: '222222222222'\n    roles:\n"
    )
    assert [(line, key) for line, key, _ in problems_in(text + roles)] == [(2, "session_seconds")]


def test_names_of_people_and_groups_are_kept_in_lower_case() -> None:
    file = good(
        HEAD + "groups:\n  - {name: On-Call, members: [Ann, BOB]}\n"
        "grants:\n  - {user: Cn=Carol, account: '*', role: '*'}\n"
    )
    assert (file.groups[0].name, file.groups[0].members) == ("on-call", ("ann", "bob"))
    assert file.grants[0].user == "cn=carol"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2027-12-31T00:00:00Z", "2027-12-31T00:00:00Z"),
        ("2027-12-31T09:00:00+09:00", "2027-12-31T00:00:00Z"),
        ("2027-12-31t00:00:00z", "2027-12-31T00:00:00Z"),
        ("2027-12-31 00:00:00.25-00:30", "2027-12-31T00:30:00.250000Z"),
    ],
)
def test_moments_are_kept_in_utc(written: str, kept: str) -> None:
    assert good(IN_GRANT + f"expires: {written}\n").grants[0].expires == kept


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("{Statement: [], Account: 222222222222}", '{"Statement":[],"Account":"222222222222"}'),
        ("{Statement: [], Version: 2012-10-17}", '{"Statement":[],"Version":"2012-10-17"}'),
        ("{Statement: [], Bool: {x: true}}", '{"Statement":[],"Bool":{"x":true}}'),
        ("{Statement: [], Bool: {x: 'true'}}", '{"Statement":[],"Bool":{"x":"true"}}'),
        ("{Statement: [], Age: 3600}", '{"Statement":[],"Age":3600}'),
        ("{Statement: [], Null: {x: ''}}", '{"Statement":[],"Null":{"x":""}}'),
        ('\'{ "Statement": [], "Age": 3600 }\'', '{"Statement":[],"Age":3600}'),
    ],
)
def test_a_session_policy_reaches_aws_as_it_was_meant(policy: str, kept: str) -> None:
    written, meant = (text.replace("[]", ALL) for text in (policy, kept))
    assert good(IN_ROLE + f"session_policy: {written}\n").roles[0].session_policy == meant


def test_p35_a_policy_written_as_a_mapping_is_held_to_the_rules_of_json_text() -> None:
    node: Node = Scalar(6, "x", plain=True)
    for _ in range(DEEPEST):
        node = Sequence(6, [node])
    with pytest.raises(NotAPolicy, match="is nested too deeply"):
        policy_of(Mapping(6, {"Statement": node}))
    with pytest.raises(NotAPolicy, match="half a character"):
        policy_of(Mapping(6, {"Statement": Scalar(6, "\ud800", plain=True)}))
