"""“Try this role” against the strict stand-in: a fault is named, and what is pasted mends it.

The second acceptance of the administration: trust policy, external id, source identity, duration,
policy and source account, each planted once.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import Account, CredentialSource, Entry, Outcome, Phase, Role, User
from demo.standin import AwsAccount, Config, IamUser, StandIn, TrustedRole
from demo.standin.config import ALL_ACTIONS
from portal import launch
from portal.aws import methods
from portal.bulkhead import Bulkhead
from tests.faults.fixtures import BROKER_KEY_ID, BROKER_SECRET, broker_keys, clean_environment
from tests.pasting import applied, pasted, strict_json
from tests.portal import catalogue
from tests.portal.admin import cast

__all__ = ["broker_keys", "clean_environment"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker_keys")]

HUB, PAYMENTS = "111111111111", "222222222222"
BROKER = IamUser("broker", HUB, BROKER_KEY_ID, BROKER_SECRET)
BROKER_ARN = f"arn:aws:iam::{HUB}:user/broker"
OTHER = IamUser("broker", PAYMENTS, "AKIAPAYMENTSPAYMENTS", "p" * 40)
NO_TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
READ = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:List*","Resource":"*"}]}'
)


def trust(*actions: str, external_id: str = "", who: str = BROKER_ARN) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": who},
        "Action": ["sts:AssumeRole", *actions],
    }
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class World:
    """AWS as the stand-in plays it, and an administrator of the portal before it."""

    aws: StandIn
    config: Config
    browser: Client
    folder: Path

    def plant(self, trust_policy: str, name: str = "Developer", **more: Any) -> None:
        """Let there be a role with that trust policy and no other."""
        role = TrustedRole(name, (), trust_policy=trust_policy, **more)
        accounts = (AwsAccount(HUB), AwsAccount(PAYMENTS, roles=(role,)))
        self.become(Config(self.config.users, accounts))

    def allow(self, policy: str) -> None:
        """Give the portal's own user that permission policy and no other."""
        users = tuple(replace(user, policy=policy) for user in self.config.users)
        self.become(Config(users, self.config.accounts))

    def become(self, config: Config) -> None:
        self.config = config
        self.aws.become(config)

    def tried(self, role: Role) -> "Page":
        answer = self.browser.post(f"/admin/accounts/role/{role.pk}/try/")
        assert answer.status_code == 200
        return Page(answer.content.decode())

    def paste(self, page: "Page", title: str, account_id: str, number: int = -1) -> None:
        """Do in AWS what the page says, by its commands for the AWS CLI."""
        commands = pasted(page.texts(title, "AWS CLI")[number], self.folder)
        self.become(applied(self.config, account_id, commands))

    @property
    def calls(self) -> list[str]:
        """The names of the calls that AWS was asked, but for who the portal is."""
        asked = (seen.parameters.get("Action", "") for seen in self.aws.requests)
        return [action for action in asked if action != "GetCallerIdentity"]


@dataclass
class Page:
    """The page that answers a try."""

    markup: str

    @property
    def words(self) -> str:
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.markup)).split())

    @property
    def is_good(self) -> bool:
        return "AWS lets people into this role." in self.words

    @property
    def cause(self) -> str:
        """The first of the causes."""
        return self.causes[0] if self.causes else ""

    @property
    def causes(self) -> list[str]:
        """The causes, the likeliest first."""
        part = self.markup.partition('id="why"')[2].partition("</section>")[0]
        return [unescape(cause) for cause in re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", part)]

    @property
    def is_sure(self) -> bool:
        return "This is why" in self.words

    def texts(self, title: str, form: str) -> list[str]:
        """What is there to paste under a title in a form, each text as it would be copied."""
        found = re.findall(
            rf'aria-label="{re.escape(title)}, {form}: [^"]*">(.*?)</pre>', self.markup, re.DOTALL
        )
        assert found, f"{title}, {form} is not on the page"
        return [unescape(text) for text in found]


TRUST = "Trust policy of the role"
PERMISSION = "Permission policy of the portal’s own identity"
MAXIMUM = "Maximum session duration of the role"


@pytest.fixture
def administrator(db: None) -> User:
    return cast.administrator("ann")


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch,
    settings: LazySettings,
    tmp_path: Path,
    administrator: User,
) -> Iterator[World]:
    launch.sources.cache_clear()
    launch.transport.cache_clear()
    config = Config((BROKER, OTHER), (AwsAccount(HUB), AwsAccount(PAYMENTS)))
    with StandIn(config) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.sts_url)
        settings.PORTAL_FEDERATION_URL = aws.federation_url
        yield World(aws, config, cast.browser(administrator), tmp_path)
    launch.sources.cache_clear()
    launch.transport.cache_clear()


def the_rows() -> tuple[Entry, Entry]:
    """The two rows of the last try."""
    opened, closed = list(Entry.objects.order_by("pk"))[-2:]
    assert opened.act_id == closed.act_id
    return opened, closed


# --- what goes well --------------------------------------------------------------------------


def test_a_right_role_is_entered_for_real_and_nothing_is_handed_out(world: World) -> None:
    world.plant(trust())
    role = catalogue.role()
    page = world.tried(role)
    assert page.is_good
    assert world.calls == ["AssumeRole", "getSigninToken"]
    asked = world.aws.requests[-2].parameters
    assert (asked["DurationSeconds"], asked["RoleSessionName"]) == ("900", "ann")
    opened, closed = the_rows()
    for row in (opened, closed):
        assert (row.action, row.account, row.role) == ("admin-change", PAYMENTS, "Developer")
        assert (row.duration_seconds, row.method, row.source) == (900, "assume_role", "default")
        assert (row.session_name, row.source_identity) == ("ann", "")
        assert cast.details(row)["change"] == "try"
    assert (opened.phase, opened.outcome) == (Phase.OPENED, Outcome.STARTED)
    assert (closed.phase, closed.outcome) == (Phase.CLOSED, Outcome.SUCCEEDED)
    assert closed.access_key_id.startswith("ASIA")


def test_P20_no_secret_of_a_try_is_in_its_page_or_in_the_record(world: World) -> None:
    world.plant(trust(), max_session_seconds=7200)
    page = world.tried(catalogue.role(session_seconds=7200))
    seen = world.aws.requests
    tokens = [json.loads(s.parameters["Session"]) for s in seen if "Session" in s.parameters]
    assert tokens
    record = json.dumps(list(Entry.objects.values()), default=str)
    for secret in (BROKER_SECRET, *(t["sessionKey"] for t in tokens), tokens[0]["sessionToken"]):
        assert secret not in page.markup
        assert secret not in record


def test_a_token_is_made_for_real(world: World) -> None:
    role = catalogue.role(
        HUB,
        "auditor",
        method="federation_token",
        session_policy=READ,
        max_session_seconds=129_600,
    )
    page = world.tried(role)
    assert page.is_good
    assert world.calls == ["GetFederationToken", "getSigninToken"]
    assert the_rows()[1].method == "federation_token"
    # It says what was asked, not what a person may choose.
    assert "It was asked for real, for sessions of up to 15 min;" in page.words
    assert "Up to 36 h is not asked for" in page.words


def test_a_switched_off_role_and_one_of_the_file_can_be_tried(world: World) -> None:
    world.plant(trust())
    assert world.tried(catalogue.role(disabled=True, from_file=True)).is_good


def test_where_more_than_an_hour_may_be_chosen_the_longest_is_asked_too(world: World) -> None:
    world.plant(trust(), max_session_seconds=43_200)
    page = world.tried(catalogue.role(max_session_seconds=43_200, console_seconds=3600))
    assert page.is_good
    assert "up to 12 h" in page.words
    lengths = [s.parameters.get("DurationSeconds") for s in world.aws.requests]
    assert [length for length in lengths if length] == ["900", "43200"]


# --- a planted fault each --------------------------------------------------------------------


def test_a_trust_policy_that_names_somebody_else_is_mended_by_what_is_pasted(
    world: World,
) -> None:
    world.plant(trust(who=f"arn:aws:iam::{HUB}:user/somebody"))
    role = catalogue.role()
    page = world.tried(role)
    assert "AWS does not let the portal enter the role Developer" in page.words
    assert "does not name the identity of the source “default”" in page.cause
    assert "The classic mistake" in page.words
    assert the_rows()[1].error == "AccessDenied"
    world.paste(page, TRUST, PAYMENTS)
    assert world.tried(role).is_good


def test_a_role_that_is_not_there_is_made_by_what_is_pasted(world: World) -> None:
    role = catalogue.role(name="team/Developer", max_session_seconds=7200)
    page = world.tried(role)
    assert "or the role does not exist" in page.cause
    world.paste(page, TRUST, PAYMENTS, number=0)
    assert world.tried(role).is_good


@pytest.mark.parametrize(
    ("ours", "named"),
    [
        ("ours-1", "its sts:ExternalId is not the external id that the role has here"),
        ("", "it asks for an external id and the role has none here"),
    ],
)
def test_another_external_id_is_in_the_first_cause_and_mended(
    world: World, ours: str, named: str
) -> None:
    world.plant(trust(external_id="theirs"))
    role = catalogue.role(external_id=ours)
    page = world.tried(role)
    assert named in page.cause
    assert re.findall(r'href="[^"]*#id_(\w+)"', page.markup) == ["external_id"]
    world.paste(page, TRUST, PAYMENTS)
    assert world.tried(role).is_good


def test_an_external_id_that_the_trust_policy_does_not_ask_for_does_no_harm(world: World) -> None:
    world.plant(trust())
    assert world.tried(catalogue.role(external_id="ours-1")).is_good


def test_an_external_id_that_is_right_is_not_blamed_for_what_rides_along(world: World) -> None:
    world.plant(trust(external_id="ours-1"))
    page = world.tried(catalogue.role(external_id="ours-1", set_source_identity=True))
    assert page.is_sure
    assert "sets a source identity" in page.cause
    assert "external id" not in page.cause


@pytest.mark.parametrize(
    ("values", "action", "names"),
    [
        ({"set_source_identity": True}, "sts:SetSourceIdentity", "sets a source identity"),
        ({"session_tags": {"who": "{username}"}}, "sts:TagSession", "sets session tags"),
    ],
)
def test_what_rides_along_is_found_for_sure_by_asking_without_it(
    world: World, values: dict[str, Any], action: str, names: str
) -> None:
    world.plant(trust())
    role = catalogue.role(external_id="ours-1", **values)
    page = world.tried(role)
    assert page.is_sure
    assert names in page.cause
    assert action in page.texts(TRUST, "JSON")[0]
    assert world.calls == ["AssumeRole", "AssumeRole"]
    closed = cast.details(the_rows()[1])
    assert [call.get("without") for call in closed["calls"]] == [None, [*_parts(values)]]
    assert names in closed["cause"]
    world.paste(page, TRUST, PAYMENTS)
    assert world.tried(role).is_good


def _parts(values: dict[str, Any]) -> list[str]:
    return [key.replace("set_source_identity", "source_identity") for key in values]


@pytest.mark.parametrize("allowed", ["sts:SetSourceIdentity", "sts:TagSession"])
def test_of_two_that_ride_along_the_guilty_one_is_named(world: World, allowed: str) -> None:
    world.plant(trust(allowed))
    role = catalogue.role(set_source_identity=True, session_tags={"team": "x"})
    page = world.tried(role)
    assert page.is_sure
    guilty = "source identity" if allowed == "sts:TagSession" else "session tags"
    assert f"sets {'a ' if 'source' in guilty else ''}{guilty}" in page.cause
    assert len(world.calls) == 4
    world.paste(page, TRUST, PAYMENTS)
    assert world.tried(role).is_good


def test_where_both_that_ride_along_are_guilty_both_are_named_and_mended_at_once(
    world: World,
) -> None:
    world.plant(trust())
    role = catalogue.role(set_source_identity=True, session_tags={"team": "x"})
    page = world.tried(role)
    assert page.is_sure
    why = page.words.partition("This is why")[2].partition("Paste this")[0]
    assert "sets a source identity" in why
    assert "sets session tags" in why
    world.paste(page, TRUST, PAYMENTS)
    assert world.tried(role).is_good


def test_what_rides_along_is_not_blamed_where_the_door_itself_is_shut(world: World) -> None:
    world.plant(NO_TRUST)
    role = catalogue.role(set_source_identity=True)
    page = world.tried(role)
    assert not page.is_sure
    assert "does not name the identity" in page.cause
    world.paste(page, TRUST, PAYMENTS)
    assert world.tried(role).is_good


def test_a_role_that_gives_less_than_may_be_chosen_is_named_and_mended(world: World) -> None:
    world.plant(trust())
    role = catalogue.role(session_seconds=3600, max_session_seconds=43_200)
    page = world.tried(role)
    assert "43200 seconds are more than the role’s maximum session duration" in page.cause
    assert "#id_max_session_seconds" in page.markup
    assert page.texts(MAXIMUM, "Terraform") == ["max_session_duration = 43200"]
    world.paste(page, MAXIMUM, PAYMENTS)
    assert world.tried(role).is_good


def test_a_portal_that_is_a_role_itself_is_trusted_as_that_role(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = TrustedRole("Portal", (BROKER_ARN,), allowed=ALL_ACTIONS)
    world.plant(NO_TRUST, max_session_seconds=43_200)
    hub, payments = world.config.accounts
    world.become(Config(world.config.users, (replace(hub, roles=(portal,)), payments)))
    client = boto3.Session().client("sts", region_name="us-east-1", endpoint_url=world.aws.sts_url)
    given = client.assume_role(RoleArn=hub.iam_arn("role/Portal"), RoleSessionName="i-0123")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["Credentials"]["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["Credentials"]["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", given["Credentials"]["SessionToken"])
    role = catalogue.role(max_session_seconds=43_200, console_seconds=43_200)
    page = world.tried(role)
    statement = strict_json(page.texts(TRUST, "JSON")[0])["Statement"][0]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{HUB}:role/Portal"}
    assert "AWS does not tell the path of the portal’s own role" in page.words
    world.paste(page, TRUST, PAYMENTS)
    page = world.tried(role)
    assert page.is_good
    assert "for sessions of up to 15 min;" in page.words
    assert "Up to 1 h is not asked for: IAM gives every role an hour." in page.words
    token = catalogue.role(HUB, "auditor", method="federation_token", session_policy=READ)
    assert "has temporary credentials" in world.tried(token).cause


def test_a_policy_that_aws_does_not_take_is_named_with_its_field(world: World) -> None:
    # The form would refuse it; it may have come another way.
    broken = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"S3","Resource":"*"}]}'
    )
    role = catalogue.role(HUB, "auditor", method="federation_token", session_policy=broken)
    page = world.tried(role)
    assert "Correct the session policy" in page.cause
    assert "session_policy" not in page.words
    assert "policy_arns" not in page.words
    assert "#id_session_policy" in page.markup
    change = f"/admin/accounts/role/{role.pk}/change/"
    form = {"method": "federation_token", "source": "default", "session_policy": broken}
    refused = world.browser.post(change, form)
    assert "“S3” is no action: write it like s3:GetObject" in refused.content.decode()
    assert world.browser.post(change, {**form, "session_policy": READ}).status_code == 302
    role.refresh_from_db()
    assert world.tried(role).is_good


def test_permissions_that_lack_the_call_are_named_and_mended(world: World) -> None:
    world.plant(trust())
    world.allow(json.dumps({"Version": "2012-10-17", "Statement": []}))
    role = catalogue.role()
    page = world.tried(role)
    # AWS says the same as of a trust policy that names nobody, which is likelier.
    assert "does not name the identity" in page.cause
    assert "lacks the permission sts:AssumeRole" in page.causes[1]
    # So both are there to paste, and pasting both mends it, whichever it was.
    world.paste(page, TRUST, PAYMENTS)
    world.paste(page, PERMISSION, HUB)
    assert world.tried(role).is_good


def test_a_tokens_missing_permission_is_the_first_cause_and_mended(world: World) -> None:
    world.allow(json.dumps({"Version": "2012-10-17", "Statement": []}))
    role = catalogue.role(HUB, "auditor", method="federation_token", session_policy=READ)
    page = world.tried(role)
    assert "lacks the permission sts:GetFederationToken" in page.cause
    world.paste(page, PERMISSION, HUB)
    assert world.tried(role).is_good


def test_a_tokens_tags_are_found_for_sure(world: World) -> None:
    get = {"Effect": "Allow", "Action": "sts:GetFederationToken", "Resource": "*"}
    world.allow(json.dumps({"Version": "2012-10-17", "Statement": [get]}))
    role = catalogue.role(
        HUB, "auditor", method="federation_token", session_policy=READ, session_tags={"a": "b"}
    )
    page = world.tried(role)
    assert page.is_sure
    assert "needs sts:TagSession" in page.cause
    world.paste(page, PERMISSION, HUB)
    assert world.tried(role).is_good


def test_a_token_of_another_account_is_named_with_the_source_that_fits(world: World) -> None:
    profile = Path(world.folder, "aws-config")
    profile.write_text(
        f"[profile payments]\naws_access_key_id = {OTHER.access_key_id}\n"
        f"aws_secret_access_key = {OTHER.secret_access_key}\n",
        encoding="utf-8",
    )
    Account.objects.create(account_id=HUB, name="Hub")
    fitting = CredentialSource.objects.create(name="payments", profile="payments")
    role = catalogue.role(
        PAYMENTS, "auditor", method="federation_token", session_policy=READ, title="Audit"
    )
    page = world.tried(role)
    assert f"are of account {HUB}, and the role is in account {PAYMENTS}" in page.words
    assert "give it a source of account 222222222222" in page.cause
    assert "This source would fit: payments." in page.words
    assert f"/admin/accounts/role/add/?account={HUB}&amp;name=auditor" in page.markup
    assert the_rows()[1].error == "OtherAccount"
    form = {"method": "federation_token", "source": fitting.name, "session_policy": READ}
    change = f"/admin/accounts/role/{role.pk}/change/"
    assert world.browser.post(change, form).status_code == 302
    role.refresh_from_db()
    assert world.tried(role).is_good


def test_the_same_entry_in_the_sources_own_account_is_one_form_away(world: World) -> None:
    Account.objects.create(account_id=HUB, alias="hub")
    role = catalogue.role(
        PAYMENTS,
        "auditor",
        method="federation_token",
        session_policy=READ,
        session_tags={"team": "x"},
    )
    page = world.tried(role)
    found = re.search(r'href="(/admin/accounts/role/add/\?[^"]*)"', page.markup)
    assert found
    form = world.browser.get(unescape(found[1])).content.decode()
    values = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert (values["account"], values["name"]) == ("hub", "auditor")
    areas = dict(re.findall(r'<textarea name="(\w+)"[^>]*>\s*(.*?)</textarea>', form, re.DOTALL))
    assert strict_json(unescape(areas["session_policy"])) == json.loads(READ)
    assert areas["session_tags"] == "team: x"


def test_a_tag_that_aws_would_not_take_is_found_before_aws_is_asked(world: World) -> None:
    role = catalogue.role(session_tags={"who": "{email}"})
    User.objects.update(email="a,b@example.org")
    page = world.tried(role)
    assert "AWS would not take the session tag who" in page.words
    assert world.calls == []
    assert the_rows()[1].error == "SessionTag"


def test_a_portal_without_credentials_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    page = world.tried(catalogue.role())
    assert not page.is_good
    assert page.cause
    assert the_rows()[1].outcome == Outcome.FAILED


# --- who may, how often, and what stands before AWS is asked -------------------------------------


def test_P30_nobody_but_who_may_change_roles_tries_and_each_try_is_a_row(world: World) -> None:
    role = catalogue.role()
    path = f"/admin/accounts/role/{role.pk}/try/"
    for browser in (cast.browser(cast.auditor()), cast.browser(User.objects.create_user("bob"))):
        assert browser.post(path).status_code == 403
        assert browser.get(path).status_code == 403
    assert world.calls == []
    assert {row.outcome for row in cast.rows()} == {"denied"}
    assert len(cast.rows()) == 4


def test_P14_a_try_needs_the_token_of_our_own_page_and_a_look_asks_nothing(
    world: World, administrator: User
) -> None:
    role = catalogue.role()
    path = f"/admin/accounts/role/{role.pk}/try/"
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = cast.browser(administrator).cookies
    assert strict.post(path).status_code == 403
    page = world.browser.get(path)
    assert page.status_code == 200
    assert "throws away what it gives" in page.content.decode()
    assert (world.calls, Entry.objects.count()) == ([], 0)
    assert world.browser.post("/admin/accounts/role/0/try/").status_code == 404


def test_tries_count_as_launches_do(world: World, settings: LazySettings) -> None:
    settings.PORTAL_LAUNCHES_PER_MINUTE = 2
    world.plant(trust())
    role = catalogue.role()
    assert world.tried(role).is_good
    assert world.tried(role).is_good
    answer = world.browser.post(f"/admin/accounts/role/{role.pk}/try/")
    assert answer.status_code == 429
    assert world.calls.count("AssumeRole") == 2


def test_P36_a_try_takes_a_place_at_aws_as_launches_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = catalogue.role()
    full = Bulkhead(1, 1, clock=lambda: 0.0, without_waiting={"aws": 1})
    monkeypatch.setattr("portal.try_role.bulkhead", lambda: full)
    with full.entered("aws", launch.too_many_wait):
        answer = world.browser.post(f"/admin/accounts/role/{role.pk}/try/")
    assert answer.status_code == 503
    assert world.calls == []
    (row,) = cast.rows()
    assert (row.error, row.outcome) == ("Overloaded", "failed")


def test_P36_the_place_is_held_while_aws_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.plant(trust())
    places = Bulkhead(4, 4)
    held: list[int] = []
    really = methods.fetch

    def fetch(*arguments: Any) -> Any:
        held.append(len(places._compartment("aws").begun))
        return really(*arguments)

    monkeypatch.setattr("portal.try_role.bulkhead", lambda: places)
    monkeypatch.setattr("portal.try_role.methods.fetch", fetch)
    assert world.tried(catalogue.role()).is_good
    assert held == [1]
    assert len(places._compartment("aws").begun) == 0


def test_P26_where_the_row_cannot_be_written_nothing_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.plant(trust())
    refusing: Callable[..., None] = _refuse
    monkeypatch.setattr("portal.launch.record.open_act", refusing)
    answer = world.browser.post(f"/admin/accounts/role/{catalogue.role().pk}/try/")
    assert answer.status_code == 503
    assert world.aws.requests == []


def _refuse(*_: object) -> None:
    from accounts.record import _unavailable  # noqa: PLC0415 - the record's own refusal

    raise _unavailable("a full disk")
