"""The pages of roles and accounts: what they show and check, and that no size slows them down."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import record
from accounts.administration import naming
from accounts.models import Account, Action, CredentialSource, Outcome, Role, User
from portal import launch
from portal.aws.identity import Identity
from portal.aws.sources import Sources
from tests.faults.fixtures import clean_environment
from tests.portal import catalogue
from tests.portal.admin import cast
from tests.portal.reading import read

__all__ = ["clean_environment"]

pytestmark = pytest.mark.django_db

ROLES = "/admin/accounts/role/"
ENTERED = {
    "account": "payments-prod",
    "name": "team/Developer",
    "method": "assume_role",
    "source": "default",
    "session_seconds": "90 min",
    "max_session_seconds": "12 h",
    "session_tags": "who: {username}\nteam: payments",
    "policy_arns": "arn:aws:iam::aws:policy/ReadOnlyAccess",
}


@pytest.fixture(autouse=True)
def _nobody_asks_aws() -> Iterator[None]:
    launch.sources.cache_clear()
    yield
    launch.sources.cache_clear()


@pytest.fixture
def keeper(db: None) -> User:
    return cast.administrator("ann")


@pytest.fixture
def keepers(keeper: User) -> Client:
    return cast.browser(keeper)


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(
        account_id=catalogue.PAYMENTS, alias="payments-prod", name="Payments production"
    )


def text_of(answer: Any) -> str:
    """What a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def test_a_role_is_made_as_it_was_entered_and_told(keepers: Client, account: Account) -> None:
    answer = keepers.post(f"{ROLES}add/", {**ENTERED, "set_source_identity": "on"})
    assert answer.status_code == 302
    role = Role.objects.get()
    assert (role.account, role.name, role.session_seconds) == (account, "team/Developer", 5400)
    assert (role.max_session_seconds, role.from_file) == (43_200, False)
    assert role.session_tags == {"who": "{username}", "team": "payments"}
    assert role.policy_arns == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    (row,) = cast.rows()
    assert (row.account, row.role, row.outcome) == (account.pk, "team/Developer", "succeeded")
    assert cast.details(row)["after"]["session_seconds"] == 5400


def test_what_is_refused_is_shown_at_its_field_and_nothing_is_kept(
    keepers: Client, account: Account
) -> None:
    answer = keepers.post(f"{ROLES}add/", {**ENTERED, "max_session_seconds": "13 h"})
    assert answer.status_code == 200
    assert "Must be between 15 min and 12 h." in text_of(answer)
    assert 'aria-invalid="true"' in answer.content.decode()
    assert (Role.objects.count(), cast.rows()) == (0, [])


def test_checking_says_that_all_is_right_and_keeps_nothing(
    keepers: Client, account: Account
) -> None:
    answer = keepers.post(f"{ROLES}add/", {**ENTERED, "external_id": "ours-1", "_check": "1"})
    words = text_of(answer)
    assert "Nothing is wrong with what is entered." in words
    assert "ours-1" in words.partition("What has to stand in AWS")[2]
    assert "arn:aws:iam::222222222222:role/team/Developer" in words
    assert (Role.objects.count(), cast.rows()) == (0, [])


def test_checking_a_role_that_is_there_changes_it_not(keepers: Client) -> None:
    role = catalogue.role(account_alias="payments-prod")
    changed = {**ENTERED, "title": "Another", "_check": "1"}
    del changed["account"], changed["name"]
    answer = keepers.post(f"{ROLES}{role.pk}/change/", changed)
    assert "Nothing is saved yet." in text_of(answer)
    role.refresh_from_db()
    assert (role.title, cast.rows()) == ("", [])


def test_account_and_name_of_a_role_are_for_ever(keepers: Client) -> None:
    role = catalogue.role(account_alias="payments-prod")
    Account.objects.create(account_id="333333333333")
    answer = keepers.post(
        f"{ROLES}{role.pk}/change/", {**ENTERED, "account": "333333333333", "name": "Other"}
    )
    assert answer.status_code == 403
    role.refresh_from_db()
    assert (role.account_id, role.name) == (catalogue.PAYMENTS, "Developer")
    page = keepers.get(f"{ROLES}{role.pk}/change/").content.decode()
    assert 'name="name"' not in page
    assert 'name="account"' not in page


@pytest.mark.parametrize("who", ["administrator", "auditor"])
def test_a_role_that_may_not_be_changed_is_shown_in_words(who: str) -> None:
    role = catalogue.role(
        from_file=who == "administrator",
        session_seconds=5400,
        session_tags={"team": "payments"},
        session_policy='{"Statement":[]}',
        console_seconds=43_200,
    )
    browser = cast.browser(getattr(cast, who)(who))
    page = browser.get(f"{ROLES}{role.pk}/change/")
    words = text_of(page)
    for shown in ("1 h 30 min", "12 h", "team: payments", '{ "Statement": [] }', "AssumeRole"):
        assert shown in words
    assert "Save" not in words.split()
    assert ("Managed by the access file" in words) == (who == "administrator")
    assert (f"{role.pk}/try/" in page.content.decode()) == (who == "administrator")


def test_the_page_says_which_method_fits_for_what_is_entered(
    keepers: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = {**ENTERED, "name": "auditor", "method": "federation_token", "_check": "1"}
    words = text_of(keepers.post(f"{ROLES}add/", token))
    assert "AssumeRole would fit better, if there is a role to enter." in words
    bare = {**token, "policy_arns": ""}
    assert "AssumeRole is what would work:" in text_of(keepers.post(f"{ROLES}add/", bare))
    longer = {**token, "session_seconds": "24 h", "max_session_seconds": "36 h"}
    words = text_of(keepers.post(f"{ROLES}add/", longer))
    assert "GetFederationToken fits what is entered." in words
    broker = Identity("arn:aws:iam::111111111111:user/broker", "aws", "111111111111", "env", False)
    monkeypatch.setattr(Sources, "identity", lambda self, source: broker)
    words = text_of(keepers.post(f"{ROLES}add/", longer))
    assert "only AssumeRole leads to 222222222222" in words
    assert "--user-name broker" in words


def test_a_token_in_an_account_that_is_not_the_sources_own_is_refused_at_the_field(
    keepers: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Identity("arn:aws:iam::111111111111:user/broker", "aws", "111111111111", "env", False)
    monkeypatch.setattr(Sources, "identity", lambda self, source: own)
    token = {**ENTERED, "name": "auditor", "method": "federation_token"}
    answer = keepers.post(f"{ROLES}add/", token)
    error = read(answer.content).one("div", id="id_method_error").text
    assert "only AssumeRole leads to 222222222222" in error
    assert not Role.objects.exists()
    assert keepers.post(f"{ROLES}add/", {**token, "disabled": "on"}).status_code == 302
    Role.objects.all().delete()
    Account.objects.create(account_id="111111111111", alias="hub")
    assert keepers.post(f"{ROLES}add/", {**token, "account": "hub"}).status_code == 302


def test_a_source_of_another_partition_is_refused_at_the_field(
    keepers: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_china = "arn:aws-cn:iam::444444444444:user/broker"
    own = Identity(of_china, "aws-cn", "444444444444", "env", False)
    monkeypatch.setattr(Sources, "identity", lambda self, source: own)
    answer = keepers.post(f"{ROLES}add/", {**ENTERED, "_check": "1"})
    error = read(answer.content).one("div", id="id_source_error").text
    assert error.startswith("Its credentials are of the partition aws-cn, the account is in aws:")
    words = text_of(answer)
    assert "Nothing is wrong" not in words
    assert of_china not in words
    assert keepers.post(f"{ROLES}add/", {**ENTERED, "disabled": "on"}).status_code == 302
    # A role that has such a source already says so, and gives nothing of it to paste.
    words = text_of(keepers.get(f"{ROLES}{Role.objects.get().pk}/change/"))
    assert "This source’s credentials are of the partition aws-cn, the account is in aws" in words
    assert "The portal does not know yet who it is" not in words
    assert "444444444444" not in words


def test_the_region_of_a_sources_own_profile_tells_its_partition(
    keepers: Client, account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile china]\nregion = cn-north-1\n[profile none]\noutput = json\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    # What the portal's own environment says is of no profile.
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for name in ("china", "none", "nowhere"):
        CredentialSource.objects.create(name=name, profile=name)
    answer = keepers.post(f"{ROLES}add/", {**ENTERED, "source": "china"})
    assert "of the partition aws-cn" in read(answer.content).one("div", id="id_source_error").text
    for name in ("none", "nowhere"):
        fitting = {**ENTERED, "name": name, "source": name}
        assert keepers.post(f"{ROLES}add/", fitting).status_code == 302
    Account.objects.create(account_id="444444444444", partition="aws-cn")
    there = {**ENTERED, "source": "china", "account": "444444444444", "policy_arns": ""}
    assert keepers.post(f"{ROLES}add/", there).status_code == 302


def test_the_arn_of_a_role_of_the_account_is_its_name_with_its_path(
    keepers: Client, account: Account
) -> None:
    arn = "arn:aws:iam::222222222222:role/team/Accountant"
    assert keepers.post(f"{ROLES}add/", {**ENTERED, "name": arn}).status_code == 302
    assert Role.objects.get().name == "team/Accountant"
    for other in (arn.replace("222222222222", "171717171717"), arn.replace("aws", "aws-cn", 1)):
        answer = keepers.post(f"{ROLES}add/", {**ENTERED, "name": other})
        error = read(answer.content).one("div", id="id_name_error").text
        assert error.startswith("It is the ARN of a role in account ")
    assert Role.objects.count() == 1


def test_what_is_there_already_is_said_in_our_own_words(keepers: Client, account: Account) -> None:
    Role.objects.create(account=account, name="team/Developer")
    words = text_of(keepers.post(f"{ROLES}add/", ENTERED))
    assert "This account has a role of that name already: open it in the list of roles." in words
    words = text_of(keepers.post("/admin/accounts/credentialsource/add/", {"name": "default"}))
    assert "There is a credential source of that name already: choose another name." in words
    there = {"account_id": account.pk, "partition": "aws", "alias": "payments-prod"}
    words = text_of(keepers.post("/admin/accounts/account/add/", there))
    assert "This account is in the list of accounts already." in words
    assert "Another account has this alias." in words


def test_the_json_to_paste_names_the_maximum_that_it_cannot_hold(
    keepers: Client, account: Account
) -> None:
    keepers.post(f"{ROLES}add/", ENTERED)
    role = Role.objects.get()
    line = "Set the role’s maximum session duration to 12 h, too: in JSON it cannot stand."
    assert line in text_of(keepers.get(f"{ROLES}{role.pk}/change/"))
    role.max_session_seconds = role.session_seconds = 3600
    role.save()
    assert "Set the role’s maximum" not in text_of(keepers.get(f"{ROLES}{role.pk}/change/"))


def test_the_list_of_roles_stands_in_the_order_that_its_arrow_says(
    keepers: Client, account: Account
) -> None:
    Role.objects.create(account=account, name="Auditor")
    page = keepers.get(ROLES).content.decode()
    sorted_by = re.findall(r"<th [^>]*aria-sort[^>]*><a [^>]*>([^<]*)<svg", page)
    assert sorted_by == ["Account"]


@pytest.mark.parametrize("text", ["2222-2222-2222", " 2222 2222 2222 ", "PAYMENTS-PROD"])
def test_an_account_is_named_as_aws_shows_it(keepers: Client, account: Account, text: str) -> None:
    assert keepers.post(f"{ROLES}add/", {**ENTERED, "account": text}).status_code == 302
    assert naming.named("account", text) == account
    assert naming.named("role", f"{text}/team/Developer") == Role.objects.get()
    assert naming.named("role", f"{text}/TEAM/Developer") is None
    assert [found.text for found in naming.find("account", text)] == ["payments-prod"]
    assert naming.find("role", f"{text}/team/Developer")


@pytest.mark.parametrize("text", ["2222-2222-2222", " 2222 2222 2222"])
def test_an_accounts_number_is_entered_as_aws_shows_it(keepers: Client, text: str) -> None:
    form = {"account_id": text, "partition": "aws", "name": "Payments"}
    assert keepers.post("/admin/accounts/account/add/", form).status_code == 302
    assert Account.objects.get().pk == "222222222222"
    answer = keepers.post("/admin/accounts/account/add/", {**form, "account_id": "2222-2222"})
    assert "Must be 12 digits" in read(answer.content).one("div", id="id_account_id_error").text
    page = keepers.get("/admin/accounts/account/add/").content.decode()
    assert 'maxlength="12"' not in page


@pytest.mark.parametrize(
    ("field", "value"), [("name", "a\x1bb"), ("profile", "a\x1bb"), ("profile", "a\u2028b")]
)
def test_a_source_is_lines_without_control_characters(field: str, value: str, db: None) -> None:
    browser = cast.browser(cast.superuser())
    entered = {"name": "payments", "profile": "payments", field: value, "_save": "1"}
    answer = browser.post("/admin/accounts/credentialsource/add/", entered)
    assert "control characters" in read(answer.content).one("div", id=f"id_{field}_error").text
    assert not CredentialSource.objects.filter(name__startswith="p").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("session_policy", '{"Statement": "\\ud800"}'),
        ("session_policy", '{"\\ud800": 1}'),
        ("session_policy", "[" * 600 + "]" * 600),
        ("session_tags", '"\\ud800": a'),
    ],
)
def test_what_no_page_can_show_comes_back_as_it_was_typed(
    keepers: Client, account: Account, field: str, value: str
) -> None:
    answer = keepers.post(f"{ROLES}add/", {**ENTERED, field: value})
    assert answer.status_code == 200
    assert value in read(answer.content).one("textarea", name=field).text


@pytest.mark.parametrize("kind", ["user", "group", "role", "account", "bookmark"])
def test_a_search_of_very_many_words_is_answered(kind: str, db: None) -> None:
    browser = cast.browser(cast.superuser())
    words = "+".join(["a"] * 1_500)
    assert browser.get(f"/admin/accounts/{kind}/?q={words}").status_code == 200


def test_a_portal_that_does_not_know_itself_says_so_beside_the_placeholder(
    keepers: Client,
) -> None:
    role = catalogue.role()
    words = text_of(keepers.get(f"{ROLES}{role.pk}/change/"))
    assert "The portal does not know yet who it is to AWS" in words
    assert "arn:aws:iam::ACCOUNT-OF-THE-PORTAL:user/USER-OF-THE-PORTAL" in words
    assert "The classic mistake" in words


def test_a_token_has_no_trust_policy_and_no_talk_of_one(keepers: Client) -> None:
    role = catalogue.role(method="federation_token", session_policy='{"Statement":[]}')
    words = text_of(keepers.get(f"{ROLES}{role.pk}/change/"))
    assert "Trust policy of the role" not in words
    assert "The classic mistake" not in words
    assert "What the portal’s IAM user must be allowed itself" in words


HOSTILE = '"><script>alert(1)</script>'


def test_P19_no_text_of_a_role_or_account_becomes_markup(keepers: Client) -> None:
    role = catalogue.role(
        account_name=HOSTILE,
        account_environment=HOSTILE.replace(" ", ""),
        account_tags={HOSTILE: HOSTILE},
        title=HOSTILE,
        session_tags={HOSTILE: HOSTILE},
        session_policy=json.dumps({"Statement": [{"Sid": HOSTILE}]}),
        policy_arns=[HOSTILE],
        external_id=HOSTILE,
        destination=HOSTILE,
    )
    pages = [
        ROLES,
        f"{ROLES}{role.pk}/change/",
        f"{ROLES}{role.pk}/try/",
        f"{ROLES}add/?{urlencode(dict.fromkeys(ENTERED, HOSTILE))}",
        "/admin/accounts/account/",
        f"/admin/accounts/account/{role.account_id}/change/",
    ]
    for from_file in (False, True):
        Role.objects.update(from_file=from_file)
        Account.objects.update(from_file=from_file)
        for path in pages:
            page = keepers.get(path).content.decode()
            assert "<script>alert" not in page
            assert "alert(1)" in page


@pytest.mark.parametrize("account", ["%F0%9F%91%8D", "%D9%A1", "2" * 13, "x" * 3000, "%20"])
def test_odd_accounts_in_an_address_are_no_trouble(keepers: Client, account: str) -> None:
    assert keepers.get(f"{ROLES}add/?account={account}").status_code == 200
    assert keepers.get(f"{ROLES}?account={account}").status_code in (200, 302)


# --- lists -----------------------------------------------------------------------------------


def shown(browser: Client, query: str, path: str = ROLES) -> set[str]:
    page = browser.get(f"{path}?{query}")
    assert page.status_code == 200
    return set(re.findall(r'class="field-\w+">\s*<a href[^>]*>([^<]*)</a>', page.content.decode()))


@pytest.fixture
def many(db: None) -> None:
    production: dict[str, Any] = {"account_name": "Payments", "account_environment": "production"}
    catalogue.role("222222222222", "Prod", **production)
    catalogue.role("222222222222", "Off", disabled=True)
    catalogue.role("333333333333", "File", from_file=True, account_environment="blue")
    catalogue.role("444444444444", "China", account_partition="aws-cn")
    catalogue.role("555555555555", "Token", method="federation_token", session_policy="{}")
    act = record.Act(action=Action.LAUNCH, actor="bob", account="444444444444", role="China")
    record.open_act(act)
    record.close_act(act, Outcome.FAILED, "AccessDenied")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"Prod", "Off", "File", "China", "Token"}),
        ("environment=production", {"Prod", "Off"}),
        ("environment=other", {"File", "China", "Token"}),
        ("partition=aws-cn", {"China"}),
        ("method__exact=federation_token", {"Token"}),
        ("disabled__exact=1", {"Off"}),
        ("from_file__exact=1", {"File"}),
        ("launches=failing", {"China"}),
        ("account=222222222222", {"Prod", "Off"}),
        ("account=222222222222&disabled__exact=0", {"Prod"}),
        ("q=payments", {"Prod", "Off"}),
        ("environment=nonsense&partition=nonsense&launches=x&account=x", set()),
    ],
)
def test_roles_are_filtered(many: None, keepers: Client, query: str, names: set[str]) -> None:
    if not names:
        assert keepers.get(f"{ROLES}?{query}").status_code in (200, 302)
        return
    assert shown(keepers, query) == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"Payments", "333333333333", "444444444444", "555555555555"}),
        ("environment=production", {"Payments"}),
        ("partition=aws-cn", {"444444444444"}),
    ],
)
def test_accounts_are_filtered(many: None, keepers: Client, query: str, names: set[str]) -> None:
    assert shown(keepers, query, "/admin/accounts/account/") == names


def queries(browser: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(path).status_code == 200
    return len(asked)


def test_no_page_asks_more_because_there_is_more(keepers: Client) -> None:
    role = catalogue.role(account_alias="payments-prod")
    paths = [
        ROLES,
        f"{ROLES}?launches=failing",
        f"{ROLES}{role.pk}/change/",
        f"{ROLES}{role.pk}/try/",
        f"{ROLES}add/",
        "/admin/accounts/account/",
        f"/admin/accounts/account/{role.account_id}/change/",
        "/admin/accounts/account/add/",
    ]
    for path in paths:  # What is looked up once in a process is none of a page's own.
        keepers.get(path)
    few = {path: queries(keepers, path) for path in paths}
    accounts = [Account(account_id=f"{n:012}", alias=f"alias-{n}") for n in range(60)]
    Account.objects.bulk_create(accounts)
    Role.objects.bulk_create(Role(account=a, name=f"R{n}") for a in accounts for n in range(3))
    Role.objects.bulk_create(Role(account=role.account, name=f"R{n}") for n in range(60))
    CredentialSource.objects.bulk_create(CredentialSource(name=f"s{n}") for n in range(30))
    assert {path: queries(keepers, path) for path in paths} == few


def test_an_account_shows_its_first_roles_and_leads_to_all(keepers: Client) -> None:
    role = catalogue.role(account_name="Payments")
    Role.objects.bulk_create(Role(account=role.account, name=f"R{n:02}") for n in range(60))
    page = keepers.get(f"/admin/accounts/account/{role.account_id}/change/")
    words = text_of(page)
    assert "Developer" in words
    assert "R23" in words
    assert "R24" not in words
    assert "All 61 roles, page by page" in words
    assert f"{ROLES}?account={role.account_id}" in page.content.decode()


def test_an_account_has_no_more_tags_than_aws_gives_one(keepers: Client) -> None:
    account = Account.objects.create(account_id="222222222222", name="Payments")
    path = f"/admin/accounts/account/{account.pk}/change/"
    entered = {"partition": "aws", "name": "Payments", "environment": "other"}
    for number, status in ((51, 200), (50, 302)):
        tags = "\n".join(f"k{n}: v" for n in range(number))
        answer = keepers.post(path, {**entered, "tags": tags})
        assert answer.status_code == status
        if status == 200:
            assert "At most 50 tags are allowed, not 51." in answer.content.decode()
    assert len(Account.objects.get().tags) == 50


def test_an_account_is_made_as_it_was_entered_and_its_number_stays(keepers: Client) -> None:
    entered = {
        "account_id": "222222222222",
        "partition": "aws",
        "name": "Payments production",
        "alias": "",
        "environment": "",
        "tags": "team: payments",
    }
    assert keepers.post("/admin/accounts/account/add/", entered).status_code == 302
    made = Account.objects.get()
    assert (made.alias, made.environment, made.tags) == (None, "other", {"team": "payments"})
    (row,) = cast.rows()
    assert (row.account, cast.details(row)["kind"]) == ("222222222222", "account")
    path = f"/admin/accounts/account/{made.pk}/change/"
    assert 'name="account_id"' not in keepers.get(path).content.decode()
    assert keepers.post(path, {**entered, "account_id": "333333333333"}).status_code == 403
