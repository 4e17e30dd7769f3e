"""The stand-in's IAM: what is pasted into its forms counts at once, as far as AWS would take it."""

import json
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from demo.standin import ConfigError, StandIn
from tests.demo.conftest import BROKER_ARN, DEVELOPER, FREE, WORLD, sts_client
from tests.demo.conftest import enter as enter_console

NEW = "arn:aws:iam::999988887777:role/team/New"


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(who: str = BROKER_ARN, **more: Any) -> str:
    principal = {"AWS": who}
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more})


def permissions(**more: Any) -> str:
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*", **more})


ROLE = {
    "account_id": "999988887777",
    "name": "team/New",
    "partition": "aws",
    "trust_policy": trust(),
    "permissions": "",
    "max_session_seconds": "3600",
}


def send(standin: StandIn, path: str, form: Mapping[str, str], **headers: str) -> requests.Response:
    """Send a form as the browser does from the console's own page."""
    url = standin.console_url
    headers = {"Origin": url, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return requests.post(
        f"{url}{path}", data=form, headers=headers, allow_redirects=False, timeout=5
    )


def put(standin: StandIn, **changed: str) -> requests.Response:
    return send(standin, "/iam/role/", {**ROLE, **changed})


def page(standin: StandIn, path: str, **query: str) -> str:
    answer = requests.get(f"{standin.console_url}{path}", params=query, timeout=5)
    assert answer.status_code == 200
    return unescape(answer.text)


def shown(text: str, name: str) -> str:
    """What a field of a page holds."""
    area = re.search(rf'<textarea id="{name}".*?>\n(.*?)</textarea>', text, re.DOTALL)
    line = re.search(rf'<input [^>]*name="{name}" value="(.*?)"', text)
    found = area or line
    assert found
    return found[1]


def error_of(answer: requests.Response, field: str) -> str:
    """The one sentence at the field that is wrong."""
    assert answer.status_code == 400
    text = unescape(answer.text)
    assert text.count('aria-invalid="true"') == 1
    assert "Nothing is saved." in text
    found = re.search(rf'id="{field}_error">.*?</svg>(.*?)</p>', text)
    assert found, text
    assert text.count(found[1]) == 2
    return found[1]


def enter(standin: StandIn, arn: str = NEW, **more: Any) -> str:
    """What STS says to the broker who enters a role: ``in``, or an error code."""
    try:
        sts_client(standin).assume_role(RoleArn=arn, RoleSessionName="ann", **more)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "in"


# --- what is pasted counts -------------------------------------------------------------------


def test_a_new_role_in_a_new_account_opens_at_the_next_call(standin: StandIn) -> None:
    assert enter(standin) == "AccessDenied"
    answer = put(standin)
    assert answer.status_code == 303
    assert (
        answer.headers["Location"] == "/iam/role/?account_id=999988887777&name=team%2FNew&saved=1"
    )
    assert enter(standin) == "in"
    assert "Saved." in page(standin, answer.headers["Location"])
    assert "team/New" in page(standin, "/iam/")
    assert enter(standin, DEVELOPER) == "in"


def test_the_console_of_a_new_account_names_it_by_its_number(standin: StandIn) -> None:
    put(standin)
    given = sts_client(standin).assume_role(RoleArn=NEW, RoleSessionName="ann")
    location = enter_console(standin, dict(given["Credentials"])).headers["Location"]
    text = requests.get(location, timeout=5).text
    assert '<dd id="account"><span class="number"><span>9999</span>' in text
    assert 'class="env"' not in text


def test_a_role_is_changed_whole_and_a_trust_that_names_another_shuts_it(standin: StandIn) -> None:
    put(standin)
    put(standin, trust_policy=trust("arn:aws:iam::111111111111:user/powerless"))
    assert enter(standin) == "AccessDenied"
    asks = {"StringEquals": {"sts:ExternalId": "ours"}}
    put(standin, trust_policy=trust(Condition=asks), max_session_seconds="7200")
    assert enter(standin) == "AccessDenied"
    assert enter(standin, ExternalId="ours", DurationSeconds=7200) == "in"
    assert enter(standin, ExternalId="ours", DurationSeconds=7201) == "ValidationError"


def test_a_leading_slash_and_the_browsers_line_breaks_are_no_part_of_what_is_meant(
    standin: StandIn,
) -> None:
    put(
        standin,
        name="/team/New",
        trust_policy=json.dumps(json.loads(trust()), indent=2).replace("\n", "\r\n"),
    )
    assert enter(standin) == "in"
    text = shown(
        page(standin, "/iam/role/", account_id="999988887777", name="team/New"), "trust_policy"
    )
    assert text == json.dumps(json.loads(trust()), indent=2)


@pytest.mark.parametrize(
    "arn",
    [
        DEVELOPER,
        FREE,
        "arn:aws:iam::222222222222:role/Partner",
        "arn:aws:iam::222222222222:role/Chained",
    ],
)
def test_saving_a_role_as_it_is_shown_changes_nothing(standin: StandIn, arn: str) -> None:
    _, _, _, _, account_id, resource = arn.split(":")
    name = resource.removeprefix("role/")
    text = page(standin, "/iam/role/", account_id=account_id, name=name)
    tags = {"Tags": [{"Key": "team", "Value": "x"}]}
    tries: list[dict[str, Any]] = [
        {},
        {"ExternalId": "our-secret-handshake"},
        {"SourceIdentity": "ann"},
        tags,
        {"DurationSeconds": 43_200},
    ]
    before = [enter(standin, arn, **more) for more in tries]
    fields = ("account_id", "name", "partition", "trust_policy", "max_session_seconds")
    form = {field: shown(text, field) for field in fields}
    assert send(standin, "/iam/role/", form).status_code == 303
    assert [enter(standin, arn, **more) for more in tries] == before


def test_a_roles_permissions_count_where_it_enters_another(standin: StandIn) -> None:
    def chained() -> str:
        given = sts_client(standin).assume_role(RoleArn=NEW, RoleSessionName="ann")
        client = sts_client(standin, credentials=dict(given["Credentials"]))
        try:
            client.assume_role(RoleArn=f"{NEW}er", RoleSessionName="ann")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "in"

    put(standin)
    put(standin, name="team/Newer", trust_policy=trust(NEW))
    assert chained() == "in"
    put(standin, permissions=permissions(Resource="arn:aws:iam::1:role/x"))
    assert chained() == "AccessDenied"
    put(standin, permissions=permissions())
    assert chained() == "in"


def put_policy(standin: StandIn, policy: str, name: str = "of-a-role") -> requests.Response:
    return send(standin, "/iam/policy/", {"arn": BROKER_ARN, "name": name, "policy": policy})


def test_the_brokers_policies_count_together_and_without_any_it_may_nothing(
    standin: StandIn,
) -> None:
    everything = page(standin, "/iam/policy/", arn=BROKER_ARN, name="whatever-sts-can-do")
    assert put_policy(standin, permissions(Resource=FREE)).status_code == 303
    assert enter(standin, DEVELOPER) == "in"
    assert put_policy(standin, "", name="whatever-sts-can-do").headers["Location"] == "/iam/"
    assert enter(standin, DEVELOPER) == "AccessDenied"
    assert enter(standin, FREE) == "in"
    assert put_policy(standin, permissions(Resource=DEVELOPER), name="other").status_code == 303
    assert (enter(standin, DEVELOPER), enter(standin, FREE)) == ("in", "in")
    assert FREE in shown(page(standin, "/iam/policy/", arn=BROKER_ARN, name="of-a-role"), "policy")
    for name in ("of-a-role", "other"):
        put_policy(standin, "", name=name)
    assert (enter(standin, DEVELOPER), enter(standin, FREE)) == ("AccessDenied", "AccessDenied")
    put_policy(standin, shown(everything, "policy"))
    assert enter(standin, DEVELOPER) == "in"


def test_a_denial_in_one_policy_wins_over_what_another_allows(standin: StandIn) -> None:
    put_policy(standin, permissions(Effect="Deny", Resource=DEVELOPER))
    assert (enter(standin, DEVELOPER), enter(standin, FREE)) == ("AccessDenied", "in")


def test_what_was_put_is_there_at_the_next_start(tmp_path: Path) -> None:
    kept = tmp_path / "iam.json"
    with StandIn(WORLD, kept=kept) as first:
        put(first)
        put(first, account_id="222222222222", name="Developer", trust_policy=trust("222222222222"))
        put_policy(first, "", name="whatever-sts-can-do")
        put_policy(first, permissions(Resource=NEW))
    assert not [u for u in WORLD.users if u.secret_access_key in kept.read_text()]
    with StandIn(WORLD, kept=kept) as second:
        assert enter(second) == "in"
        assert enter(second, FREE) == "AccessDenied"
        put_policy(second, permissions())
        assert enter(second, DEVELOPER) == "AccessDenied"
        assert enter(second, FREE) == "in"
    with StandIn(WORLD) as without:
        assert enter(without) == "AccessDenied"


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "iam.json"
    kept.write_text('{"roles": 1}')
    with pytest.raises(ConfigError, match="not what IAM kept"):
        StandIn(WORLD, kept=kept)


# --- what AWS would not take -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("account_id", "1234", "12 digits"),
        ("account_id", "٣" * 12, "12 digits"),
        ("partition", "aws-moon", "no partition aws-moon"),
        ("name", "", "at most 64"),
        ("name", "a b", "at most 64"),
        ("name", "team//New", "at most 64"),
        ("name", "x" * 65, "at most 64"),
        ("max_session_seconds", "3599", "3600 to 43200"),
        ("max_session_seconds", "43201", "3600 to 43200"),
        ("max_session_seconds", "1 h", "3600 to 43200"),
        ("trust_policy", "", "invalid Json at line 1, column 1"),
        ("trust_policy", trust()[:-1] + ",}", "invalid Json at line 1, column"),
        ("trust_policy", trust().replace('"Effect"', '"Effect": "Deny", "Effect"'), "invalid Json"),
        ("trust_policy", "[" * 50_000, "invalid Json"),
        ("trust_policy", "[]", "Syntax errors in policy."),
        ("trust_policy", document(), "Syntax errors in policy."),
        ("trust_policy", '{"Statement": ["x"]}', "Syntax errors in policy."),
        ("trust_policy", permissions(), "Missing required field Principal"),
        ("trust_policy", trust(Resource="*"), "Has prohibited field Resource"),
        ("trust_policy", trust(Action="s3:GetObject"), "only specify STS AssumeRole actions"),
        ("trust_policy", trust(Action=[]), "Syntax errors in policy."),
        ("trust_policy", trust(Effect="allow"), "Invalid effect"),
        ("trust_policy", trust(Principal="me"), "Syntax errors in policy."),
        ("trust_policy", trust(Principal={"AWS": {}}), "Invalid principal"),
        (
            "trust_policy",
            trust("arn:aws:iam::111111111111:user/BROKER"),
            "Invalid principal in policy",
        ),
        ("trust_policy", trust("arn:aws:iam::ACCOUNT:user/NAME"), '"AWS":"arn:aws:iam::ACCOUNT:'),
        ("trust_policy", trust(Condition="x"), "a Condition is"),
        ("trust_policy", trust(Condition={"StringLike": {"sts:ExternalId": 5}}), "a Condition is"),
        (
            "trust_policy",
            trust(NotAction="sts:AssumeRole"),
            "does not read NotAction: write Action",
        ),
        (
            "trust_policy",
            trust(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}),
            "where something is denied",
        ),
        (
            "permissions",
            permissions(Effect="Deny", Condition={"StringEquals": {"aws:SourceIp": "::1"}}),
            "does not read aws:SourceIp where something is denied",
        ),
        (
            "permissions",
            permissions(Condition={"DateLessThan": {"aws:TokenIssueTime": "now"}}),
            "A moment is written like 2027-01-31T12:00:00Z.",
        ),
        ("trust_policy", trust(Sid="x" * 2048), "at most 2,048 characters"),
        ("permissions", trust(), "belongs in the trust policy of a role"),
        ("permissions", "{", "invalid Json"),
        ("permissions", permissions(Action="S3"), "prefaced by a vendor"),
        ("permissions", permissions(Resource="Developer"), "ARN format"),
        ("permissions", permissions(Sid="x" * 10_240), "at most 10,240 characters"),
    ],
)
def test_what_aws_would_not_take_is_refused_in_one_sentence_and_nothing_changes(
    standin: StandIn, field: str, value: str, reason: str
) -> None:
    answer = put(standin, **{field: value})
    assert reason in error_of(answer, field)
    if field != "partition":
        assert shown(unescape(answer.text), field) == value
    assert "999988887777" not in page(standin, "/iam/")
    assert enter(standin) == "AccessDenied"


def test_a_name_is_there_once_whatever_its_path(standin: StandIn) -> None:
    answer = put(standin, account_id="222222222222", name="other/free")
    assert "already exists here, as team/Free" in error_of(answer, "name")


def test_white_space_does_not_count_against_the_limit(standin: StandIn) -> None:
    assert put(standin, trust_policy=trust() + " " * 5000).status_code == 303


@pytest.mark.parametrize(
    ("name", "policy", "field", "reason"),
    [
        ("x", trust(), "policy", "belongs in the trust policy"),
        ("x", "x", "policy", "invalid Json"),
        ("x", permissions(Sid="x" * 1900), "policy", "at most 2,048 characters"),
        ("x" * 129, permissions(), "name", "at most 128"),
        ("a b", permissions(), "name", "at most 128"),
    ],
)
def test_a_users_wrong_policy_is_refused_too(
    standin: StandIn, name: str, policy: str, field: str, reason: str
) -> None:
    assert reason in error_of(put_policy(standin, policy, name), field)
    assert f'name={name}"' not in page(standin, "/iam/")
    assert enter(standin, DEVELOPER) == "in"


# --- who may send it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://evil.example", "Host": "evil.example"},
        {"Host": "localhost.evil.example"},
    ],
)
def test_no_other_page_can_send_the_form(standin: StandIn, headers: dict[str, str]) -> None:
    assert send(standin, "/iam/role/", ROLE, **headers).status_code == 403
    form = {"arn": BROKER_ARN, "name": "x", "policy": permissions(Effect="Deny")}
    assert send(standin, "/iam/policy/", form, **headers).status_code == 403
    assert enter(standin) == "AccessDenied"
    assert enter(standin, DEVELOPER) == "in"


def test_a_form_without_an_origin_is_refused(standin: StandIn) -> None:
    url = f"{standin.console_url}/iam/role/"
    assert requests.post(url, data=ROLE, timeout=5, allow_redirects=False).status_code == 403
    assert enter(standin) == "AccessDenied"


def test_a_name_that_another_site_leads_here_opens_nothing(standin: StandIn) -> None:
    for path in ("/iam/", "/iam/role/", "/iam/policy/"):
        url = f"{standin.console_url}{path}"
        answer = requests.get(url, headers={"Host": "evil.example"}, timeout=5)
        assert answer.status_code == 403
        assert "222222222222" not in answer.text


def test_a_look_changes_nothing_and_odd_requests_are_answered(standin: StandIn) -> None:
    url = standin.console_url
    assert "New role" in page(standin, "/iam/role/", **ROLE)
    assert enter(standin) == "AccessDenied"
    assert requests.put(f"{url}/iam/role/", timeout=5).status_code == 405
    assert send(standin, "/iam/", {}).status_code == 405
    assert requests.get(f"{url}/iam/policy/?arn=x", timeout=5).status_code == 404
    assert requests.get(f"{url}/iam/groups/", timeout=5).status_code == 404
    assert requests.get(f"{url}/iam/role/?name=a&name=b", timeout=5).status_code == 400


def test_P19_whatever_is_entered_is_text(standin: StandIn) -> None:
    hostile = '"><script>alert(1)</script>'
    url = standin.console_url
    answers = [put(standin, **{field: hostile}) for field in ROLE]
    answers.append(
        requests.get(f"{url}/iam/role/", params={"account_id": hostile, "name": hostile}, timeout=5)
    )
    answers.append(put_policy(standin, hostile, hostile))
    put(standin, name='a"<b>&/New')
    answers.append(requests.get(f"{url}/iam/", timeout=5))
    answers.append(
        requests.get(
            f"{url}/iam/role/",
            params={"account_id": "999988887777", "name": 'a"<b>&/New'},
            timeout=5,
        )
    )
    assert "&lt;b&gt;" in answers[-1].text
    for answer in answers:
        assert "<script" not in answer.text
        assert "<b>&" not in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy


def test_no_secret_is_on_any_page(standin: StandIn) -> None:
    text = page(standin, "/iam/") + page(
        standin, "/iam/policy/", arn=BROKER_ARN, name="whatever-sts-can-do"
    )
    for user in WORLD.users:
        assert user.secret_access_key not in text
        assert user.access_key_id not in text
