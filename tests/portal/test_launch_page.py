"""The gate's page: the launch rule as a browser or a script meets it, signed in and signed out.

What is asked of AWS is replaced at its outermost edge; the browser tests go all the way.
"""

import re
import time
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Action, Bookmark, Entry, Grant, Outcome, Role, User
from portal import launch as use_case
from portal.launch import Launch, LoginUrl
from portal.launch_link import CONFIRM_SECONDS
from portal.pages import launch as page
from tests.conftest import PASSWORD

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

LOGIN = "https://signin.example/federation?Action=login"
GO = "/go/payments-prod/Developer/"
BOOKMARKED = "/sqs/v3/home#/queues"
UNKNOWN_PLACE = "/cloudformation/home#/stacks/quickcreate"

CLICK = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
TYPED = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
OTHERS_LINK = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Referer": "https://wiki.example/page",
}
SIBLINGS_LINK = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}
IN_A_FRAME = {**CLICK, "Sec-Fetch-Dest": "iframe"}
BY_A_SCRIPT = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
NO_BROWSER: dict[str, str] = {}


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(
        account_id="222222222222",
        alias="payments-prod",
        name="Payments production",
        environment="production",
    )


@pytest.fixture
def launched(account: Account, ann: User, monkeypatch: pytest.MonkeyPatch) -> list[Launch]:
    """Roles that ann may enter; the list holds the launches that went through to AWS."""
    Role.objects.create(account=account, name="Developer", destination="s3", region="eu-west-1")
    Role.objects.create(account=account, name="Lead", require_reason=True)
    Role.objects.create(account=account, name="Secret")
    for name in ("Developer", "Lead"):
        Grant.objects.create(user=ann, account=account, role_name=name)
    Bookmark.objects.create(
        user=ann, name="Queues", account=account, role_name="Developer", destination=BOOKMARKED
    )
    gone: list[Launch] = []

    def enter(launch: Launch) -> LoginUrl:
        gone.append(launch)
        return LoginUrl(LOGIN)

    monkeypatch.setattr(page, "open_console", enter)
    monkeypatch.setattr(use_case, "is_chained", lambda source, budget: False)
    return gone


def what_happens(response: "Response") -> str:
    if response.status_code == 204:
        return "nothing"
    if response.status_code == 302 and response["Location"] == LOGIN:
        return "opens"
    if response.status_code == 200 and b"Cancel" in response.content:
        return "asks"
    return f"{response.status_code} {response.headers.get('Location', '')}"


TABLE = [
    (CLICK, "", "opens"),
    (CLICK, f"?to={quote(UNKNOWN_PLACE)}", "opens"),
    (TYPED, "", "opens"),
    (TYPED, "?to=sqs&region=us-east-1", "opens"),
    (TYPED, f"?to={quote(BOOKMARKED)}", "opens"),
    (TYPED, f"?to={quote(BOOKMARKED)}&region=us-east-1", "asks"),
    (TYPED, f"?to={quote(UNKNOWN_PLACE)}", "asks"),
    (TYPED, "?to=/s3/home", "opens"),
    (TYPED, "?seconds=900", "opens"),
    (NO_BROWSER, "", "opens"),
    (NO_BROWSER, f"?to={quote(UNKNOWN_PLACE)}", "asks"),
    (OTHERS_LINK, "", "asks"),
    (OTHERS_LINK, f"?to={quote(BOOKMARKED)}", "asks"),
    (SIBLINGS_LINK, "", "asks"),
    (IN_A_FRAME, "", "asks"),
    (BY_A_SCRIPT, "", "asks"),
]
PURPOSES = [
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Purpose": "preview"},
    {"X-Moz": "prefetch"},
]


@pytest.mark.parametrize(("headers", "query", "expected"), TABLE)
def test_P14_signed_in_the_rule_holds(
    headers: dict[str, str],
    query: str,
    expected: str,
    launched: list[Launch],
    signed_in: Client,
) -> None:
    assert what_happens(signed_in.get(GO + query, headers=headers)) == expected
    assert len(launched) == (expected == "opens")


@pytest.mark.parametrize(("headers", "query", "expected"), TABLE)
def test_P14_the_same_holds_when_sign_in_comes_between(
    headers: dict[str, str], query: str, expected: str, launched: list[Launch], client: Client
) -> None:
    sent = client.get(GO + query, headers=headers)
    assert sent.status_code == 302
    assert urlsplit(sent["Location"]).path == "/sign-in/"
    step = parse_qs(urlsplit(sent["Location"]).query)["next"][0]
    client.get(sent["Location"])
    answer = client.post(
        "/sign-in/", {"username": "ann", "password": PASSWORD, "next": step}, headers=CLICK
    )
    assert answer.status_code == 200
    on = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.content.decode())
    assert on
    assert unescape(on[1]) == step
    arrived = client.get(
        unescape(on[1]), headers={**CLICK, "Referer": "http://testserver/sign-in/"}
    )
    assert what_happens(arrived) == expected
    assert len(launched) == (expected == "opens")


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("role", ["Developer", "Secret", "Nothing"])
def test_P14_looking_ahead_launches_nothing_and_tells_nothing(
    purpose: dict[str, str], role: str, launched: list[Launch], signed_in: Client
) -> None:
    for client in (signed_in, Client()):
        response = client.get(f"/go/payments-prod/{role}/", headers={**TYPED, **purpose})
        assert response.status_code == 204
        assert not response.content
    assert not launched
    assert Entry.objects.filter(action=Action.LAUNCH).count() == 0


def test_P14_head_launches_nothing(launched: list[Launch], signed_in: Client) -> None:
    assert signed_in.head(GO, headers=CLICK).status_code == 204
    assert Client().head(GO).status_code == 204
    assert not launched


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_P14_other_methods_are_refused(
    method: str, launched: list[Launch], signed_in: Client
) -> None:
    assert getattr(signed_in, method)(GO).status_code == 405
    assert not launched


@pytest.mark.parametrize(
    "step",
    [
        GO,
        f"{GO}?seconds=900",
        "/go/payments-prod/%44eveloper/",
        "/go/payments-prod/Developer",
        "/%67o/payments-prod/Developer/",
        f"{GO}?",
        f"{GO}?&&to=s%33",
        f"{GO}#fragment",
    ],
)
def test_P14_a_sign_in_page_that_was_opened_for_a_launch_asks(
    step: str, launched: list[Launch], ann: User, client: Client
) -> None:
    client.get(f"/sign-in/?next={quote(step)}")
    signed = client.post("/sign-in/", {"username": "ann", "password": PASSWORD, "next": step})
    answer: Any = signed
    hops = 0
    while answer.status_code in {301, 302, 303} and hops < 4:
        # No Referer: some people's browsers and proxies take it away.
        answer = client.get(answer["Location"].partition("#")[0], headers=CLICK)
        hops += 1
    assert what_happens(answer) == "asks"
    assert not launched


def test_P14_another_tab_cannot_wash_an_arrival_clean(
    launched: list[Launch], ann: User, client: Client
) -> None:
    client.get(GO, headers=OTHERS_LINK)
    client.get("/go/payments-prod/Lead/", headers=OTHERS_LINK)
    client.post("/sign-in/", {"username": "ann", "password": PASSWORD, "next": GO})
    assert what_happens(client.get(GO, headers=CLICK)) == "asks"


@pytest.mark.parametrize(("minutes", "happens"), [(14, "opens"), (16, "asks")])
def test_P14_how_a_request_came_in_is_forgotten_after_15_minutes(
    minutes: int,
    happens: str,
    launched: list[Launch],
    ann: User,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    later = time.time() + minutes * 60
    client.get(GO, headers=TYPED)
    monkeypatch.setattr("portal.signin.arrivals.time.time", lambda: later)
    client.post("/sign-in/", {"username": "ann", "password": PASSWORD, "next": GO})
    assert what_happens(client.get(GO, headers=CLICK)) == happens


def test_P14_back_and_reload_after_the_question_ask_again(
    launched: list[Launch], ann: User, client: Client
) -> None:
    client.get(GO, headers=OTHERS_LINK)
    client.post("/sign-in/", {"username": "ann", "password": PASSWORD, "next": GO})
    from_sign_in = {**CLICK, "Referer": f"http://testserver/sign-in/?next={GO}"}
    for _ in range(3):
        assert what_happens(client.get(GO, headers=from_sign_in)) == "asks"
    assert not launched
    assert what_happens(client.get(GO, headers=CLICK)) == "opens"


def test_P14_a_signed_in_person_who_is_sent_on_by_the_sign_in_page_is_asked(
    launched: list[Launch], signed_in: Client
) -> None:
    sent = signed_in.get(f"/sign-in/?next={GO}", headers=TYPED)
    assert (sent.status_code, sent["Location"]) == (302, GO)
    assert what_happens(signed_in.get(GO, headers=TYPED)) == "asks"


def confirmed_link(response: "Response") -> str:
    found = re.search(r'href="([^"]*confirm=[^"]*)"', response.content.decode())
    assert found
    return unescape(found[1])


def test_P14_the_answer_opens_once_the_question_was_answered(
    launched: list[Launch], signed_in: Client
) -> None:
    question = signed_in.get(f"{GO}?to={quote(UNKNOWN_PLACE)}", headers=OTHERS_LINK)
    assert what_happens(signed_in.get(confirmed_link(question), headers=CLICK)) == "opens"
    assert launched[0].destination.url.endswith("#/stacks/quickcreate")


def test_P14_an_answer_is_bound_to_path_and_query(
    launched: list[Launch], signed_in: Client
) -> None:
    link = confirmed_link(signed_in.get(f"{GO}?to=sqs", headers=OTHERS_LINK))
    confirm = link.partition("confirm=")[2]
    for altered in (
        link.replace("to=sqs", "to=ec2"),
        f"{link}&seconds=900",
        f"{GO}?confirm={confirm}",
        f"/go/222222222222/Developer/?to=sqs&confirm={confirm}",
        f"{GO}?to=sqs&to=sqs&confirm={confirm}",
        link[:-1],
    ):
        assert what_happens(signed_in.get(altered, headers=OTHERS_LINK)) == "asks"
    assert not launched


def test_P14_an_answer_is_bound_to_the_session(launched: list[Launch], signed_in: Client) -> None:
    link = confirmed_link(signed_in.get(GO, headers=OTHERS_LINK))
    other = Client()
    other.post("/sign-in/", {"username": "ann", "password": PASSWORD})
    assert what_happens(other.get(link, headers=OTHERS_LINK)) == "asks"


def test_P14_an_answer_is_good_for_five_minutes(
    launched: list[Launch], signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = confirmed_link(signed_in.get(GO, headers=OTHERS_LINK))
    now = timezone.now().timestamp()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + CONFIRM_SECONDS - 2)
    assert what_happens(signed_in.get(link, headers=OTHERS_LINK)) == "opens"
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + CONFIRM_SECONDS + 2)
    assert what_happens(signed_in.get(link, headers=OTHERS_LINK)) == "asks"


def test_P11_a_grant_that_ends_between_question_and_answer_opens_nothing(
    launched: list[Launch], signed_in: Client
) -> None:
    link = confirmed_link(signed_in.get(GO, headers=OTHERS_LINK))
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
    response = signed_in.get(link, headers=CLICK)
    assert response.status_code == 403
    assert b"ended on" in response.content
    assert not launched


def test_P21_a_launch_is_neither_stored_nor_told_to_others(
    launched: list[Launch], signed_in: Client
) -> None:
    response = signed_in.get(GO, headers=CLICK)
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert signed_in.get(GO, headers=OTHERS_LINK)["Referrer-Policy"] == "same-origin"


def test_the_question_says_who_what_where_how_long_and_who_sent_them(
    launched: list[Launch], signed_in: Client
) -> None:
    question = signed_in.get(f"{GO}?to={quote(UNKNOWN_PLACE)}", headers=OTHERS_LINK)
    text = question.content.decode()
    for told in (
        "Open Developer in Payments production?",
        "Production",
        "Open production for 1 h",
        "CloudFormation, Ireland",
        "/cloudformation/home?region=eu-west-1#/stacks/quickcreate",
        "wiki.example",
        "Another site sent you here",
        "Keep it as a bookmark",
    ):
        assert told in unescape(text)
    assert "wiki.example/page" not in text
    keep = re.search(r'href="(/bookmarks/\?[^"]+)"', text)
    assert keep
    assert parse_qs(urlsplit(unescape(keep[1])).query) == {
        "account": ["payments-prod"],
        "role": ["Developer"],
        "to": [UNKNOWN_PLACE],
    }


# --- what has to be filled in ----------------------------------------------------------------

LEAD = "/go/payments-prod/Lead/"


def test_P14_a_role_that_asks_for_a_reason_gets_one_before_it_opens(
    launched: list[Launch], signed_in: Client
) -> None:
    for headers in (CLICK, TYPED, NO_BROWSER):
        question = signed_in.get(f"{LEAD}?to=sqs", headers=headers)
        assert what_happens(question) == "asks"
        assert b'name="reason"' in question.content
    assert what_happens(signed_in.get(f"{LEAD}?reason=%20", headers=CLICK)) == "asks"
    assert not launched
    assert what_happens(signed_in.get(f"{LEAD}?reason=PAY-1", headers=CLICK)) == "opens"
    assert launched[0].act.reason == "PAY-1"


def test_P14_the_answered_form_leads_to_the_launch_by_a_page_of_our_own(
    launched: list[Launch], signed_in: Client
) -> None:
    fields = {"to": UNKNOWN_PLACE, "region": "us-east-1", "seconds": "900", "reason": "PAY-1"}
    answer = signed_in.post(LEAD, fields, headers=CLICK)
    assert answer.status_code == 200
    assert not launched
    link = confirmed_link(answer)
    assert f'content="0; url={link}"' in unescape(answer.content.decode())
    assert what_happens(signed_in.get(link, headers=CLICK)) == "opens"
    assert launched[0].act.reason == "PAY-1"
    assert launched[0].plan.duration_seconds == 900
    assert launched[0].destination.region == "us-east-1"


def test_a_client_that_is_no_browser_is_redirected_to_the_launch(
    launched: list[Launch], signed_in: Client
) -> None:
    answer = signed_in.post(LEAD, {"reason": "PAY-1"})
    assert answer.status_code == 303
    assert what_happens(signed_in.get(answer["Location"])) == "opens"


@pytest.mark.parametrize(
    ("field", "value", "status", "told"),
    [
        ("to", "https://evil.example/", 400, "is not an address in the AWS console"),
        ("region", "atlantis-1", 400, "is not a region of the partition"),
        ("seconds", "soon", 400, "not a whole number"),
        ("seconds", "90000", 409, "Lead allows 1 h at most"),
        ("seconds", "60", 409, "AWS gives no session under 15 min"),
        ("reason", "  ", 400, "This role asks for a reason"),
    ],
)
def test_a_form_that_cannot_be_loses_nothing_and_says_so_at_the_field(
    field: str,
    value: str,
    status: int,
    told: str,
    launched: list[Launch],
    signed_in: Client,
) -> None:
    typed = {"to": "sqs", "region": "us-west-2", "seconds": "1800", "reason": "PAY & <b>"}
    answer = signed_in.post(LEAD, {**typed, field: value}, headers=CLICK)
    text = answer.content.decode()
    assert answer.status_code == status
    assert told in unescape(text)
    assert f'id="{field}-e" role="alert"' in text
    for name, kept in typed.items():
        if name != field:
            assert (
                f'value="{kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}"'
                in text
            )
    assert "<b>" not in text.replace("<b>Payments production</b>", "")
    assert not launched


def test_P14_a_form_needs_its_token(launched: list[Launch], ann: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    for path, fields in ((LEAD, {"reason": "PAY-1"}), ("/sign-out/", {})):
        assert strict.post(path, fields, headers=CLICK).status_code == 403
    assert not launched


def test_a_form_that_was_sent_after_the_session_ended_loses_nothing(
    launched: list[Launch], ann: User, client: Client
) -> None:
    sent = client.post(LEAD, {"to": "sqs", "reason": "PAY-1"}, headers=CLICK)
    step = parse_qs(urlsplit(sent["Location"]).query)["next"][0]
    assert step == f"{LEAD}?to=sqs&reason=PAY-1"
    client.post("/sign-in/", {"username": "ann", "password": PASSWORD, "next": step})
    assert what_happens(client.get(step, headers=CLICK)) == "asks"


def test_the_options_say_the_limit_and_who_granted_it(
    launched: list[Launch], signed_in: Client
) -> None:
    Role.objects.filter(name="Developer").update(max_session_seconds=7200)
    Grant.objects.update(expires=timezone.now() + timedelta(hours=1, minutes=30, seconds=20))
    text = signed_in.get("/options/payments-prod/Developer/?region=us-east-1").content.decode()
    assert "Your grant for Developer ends in 1 h 30 min." in text
    assert re.search(r'value="3600" checked', text)
    assert re.search(r'value="7200" disabled', text)
    assert '<option value="us-east-1" selected>' in text
    assert "Granted to you yourself" in text
    assert Entry.objects.exclude(action=Action.SIGN_IN).count() == 0


def test_all_that_is_wrong_with_the_options_is_said_at_once(
    launched: list[Launch], signed_in: Client
) -> None:
    fields = {"to": "https://evil.example/", "region": "cn-north-1", "seconds": "99999"}
    answer = signed_in.post(LEAD, fields, headers=CLICK)
    assert answer.status_code == 400
    text = answer.content.decode()
    for field in fields:
        assert f'id="{field}-e"' in text


def test_the_options_offer_awss_switch_role_page_which_is_no_launch(
    launched: list[Launch], signed_in: Client
) -> None:
    text = signed_in.get("/options/payments-prod/Developer/").content.decode()
    link = re.search(r'<a href="(https://signin[^"]+)"([^>]*)>Switch Role</a>', text)
    assert link is not None
    assert "account=222222222222&amp;roleName=Developer&amp;" in link[1]
    assert 'rel="noreferrer"' in link[2]
    assert 'referrerpolicy="no-referrer"' in link[2]
    assert "it is no launch of the portal and leaves no line in your history" in text
    Role.objects.filter(name="Developer").update(external_id="theirs")
    text = signed_in.get("/options/payments-prod/Developer/").content.decode()
    assert "signin.aws" not in text
    assert "cannot give the external ID" in text
    Role.objects.filter(name="Developer").update(method="federation_token")
    assert "Switch Role" not in signed_in.get("/options/payments-prod/Developer/").content.decode()
    assert Entry.objects.exclude(action=Action.SIGN_IN).count() == 0


# --- refusals --------------------------------------------------------------------------------


def body_without_reference(response: "Response") -> bytes:
    return re.sub(rb"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", b"", response.content)


@pytest.mark.parametrize("place", ["go", "options"])
def test_P12_unknown_and_never_granted_answer_alike(
    place: str, launched: list[Launch], signed_in: Client
) -> None:
    paths = [
        "payments-prod/Secret",
        "222222222222/Secret",
        "payments-prod/Nothing",
        "999999999999/Developer",
        "no-such-account/Developer",
        "payments-prod/%3Cb%3E/x",
        f"payments-prod/{'r' * 900}",
    ]
    answers = [signed_in.get(f"/{place}/{path}/?to=s3", headers=CLICK) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({body_without_reference(answer) for answer in answers}) == 1
    names = {tuple(sorted(set(answer.headers) - {"X-Request-Id"})) for answer in answers}
    assert len(names) == 1


def test_P12_a_never_granted_role_is_not_told_by_its_limits_either(
    launched: list[Launch], signed_in: Client
) -> None:
    for query in ("?to=https://evil.example/", "?region=nowhere", "?seconds=1", "?seconds=x"):
        assert signed_in.get(f"/go/payments-prod/Secret/{query}").status_code == 404


def test_every_refusal_has_its_row_and_its_reference(
    launched: list[Launch], signed_in: Client
) -> None:
    for path, status in (
        ("/go/payments-prod/Secret/", 404),
        (f"{GO}?to=https://evil.example/", 400),
        (f"{GO}?seconds=90000", 409),
    ):
        response = signed_in.get(path, headers=CLICK)
        row = Entry.objects.latest("id")
        assert response.status_code == status
        assert (row.action, row.outcome, row.actor) == (Action.LAUNCH, Outcome.DENIED, "ann")
        assert row.request_id
        assert row.request_id in response.content.decode()
        assert response["X-Request-Id"] == row.request_id


def test_a_wish_that_cannot_be_leads_to_the_form_where_it_can_be_changed(
    launched: list[Launch], signed_in: Client
) -> None:
    refused = signed_in.get(f"{GO}?to=sqs&seconds=90000", headers=CLICK)
    link = re.search(r'href="(/options/[^"]+)"', refused.content.decode())
    assert link
    form = signed_in.get(unescape(link[1]))
    assert form.status_code == 409
    assert 'value="sqs"' in form.content.decode()
    assert b"/options/" not in signed_in.get("/go/payments-prod/Secret/?seconds=1").content


def test_a_launch_reads_session_person_and_way_in_by_one_statement_each(
    launched: list[Launch], signed_in: Client, django_assert_num_queries: Any
) -> None:
    """Beside these only the six statements of its two rows: ten are allowed."""
    with django_assert_num_queries(3):
        signed_in.get(GO, headers=CLICK)
    assert launched
