"""The door: who gets in, where they go on to, and what a refusal does not tell."""

import re
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.errors import NotLetIn, RecordUnavailable
from accounts.models import Action, Entry, Outcome, User
from accounts.record import unknown_name
from portal.signin import hashing
from portal.signin import sign_in as use_case
from portal.signin.next_step import NextStep
from portal.signin.throttle import SignInThrottle
from tests.conftest import PASSWORD

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

REFERENCE = re.compile(rb"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')


def try_in(client: Client, username: str, password: str, step: str = "") -> "Response":
    return client.post("/sign-in/", {"username": username, "password": password, "next": step})


def is_in(client: Client) -> bool:
    return client.get("/sign-out/").status_code == 200


def comparable(response: "Response", username: str) -> bytes:
    text = TOKEN.sub(b"", REFERENCE.sub(b"", response.content))
    return text.replace(f'value="{username}"'.encode(), b'value=""')


def test_the_right_password_leads_home_with_a_row(ann: User, client: Client) -> None:
    response = try_in(client, "ANN", PASSWORD)
    assert (response.status_code, response["Location"]) == (303, "/")
    assert is_in(client)
    row = Entry.objects.get()
    assert (row.action, row.outcome, row.actor) == (Action.SIGN_IN, Outcome.SUCCEEDED, "ann")
    assert row.actor_key == ann.record_key
    assert row.ip == "127.0.0.1"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ann", "wrong"),
        ("ann", ""),
        ("", PASSWORD),
        ("", ""),
        ("ann", "\x00"),
        ("ann\x00", PASSWORD),
        ("a\x00nn", PASSWORD),
        ("ann ", PASSWORD),
        ("*", PASSWORD),
        ("ann)(uid=*", PASSWORD),
        ("uid=ann,dc=example", PASSWORD),
        ("ann' OR '1'='1", PASSWORD),
        ("x" * 10_000, "y" * 10_000),
        ("ann", PASSWORD + "y" * 10_000),
        ("ann", PASSWORD + "\x00"),
        ("ann", PASSWORD.upper()),
        ("\U0001f511" * 100, "\u202e"),
    ],
)
def test_P2_nothing_but_name_and_password_gets_in(
    username: str, password: str, ann: User, client: Client
) -> None:
    response = try_in(client, username, password)
    assert response.status_code == 403
    assert b"Name and password do not match." in response.content
    assert not is_in(client)
    assert Entry.objects.get().outcome == Outcome.DENIED


def test_P7_nobody_learns_from_a_refusal_who_exists(ann: User, bob: User, client: Client) -> None:
    User.objects.create_placeholder("carol")
    User.objects.filter(username="bob").update(is_active=False)
    answers = {
        name: try_in(Client(), name, password)
        for name, password in (
            ("ann", "wrong"),
            ("bob", "wrong"),
            ("bob", PASSWORD),
            ("carol", PASSWORD),
            ("nobody", PASSWORD),
        )
    }
    assert {answer.status_code for answer in answers.values()} == {403}
    assert len({comparable(answer, name) for name, answer in answers.items()}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers.values()}) == 1


def test_P30_only_the_record_tells_a_wrong_password_from_an_ended_access(bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    for password, error in (("wrong", "WrongPassword"), (PASSWORD, "SwitchedOff")):
        assert try_in(Client(), "bob", password).status_code == 403
        row = Entry.objects.latest("id")
        assert (row.actor, row.outcome, row.error) == ("bob", Outcome.DENIED, error)
    assert "switched this user name off" in Entry.objects.latest("id").details


def test_P7_nor_from_how_long_it_takes(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interleaved, and the shortest counts: the machine's other work only makes longer."""
    monkeypatch.setattr("portal.signin.throttle.admit", lambda attempt: None)
    User.objects.create_placeholder("carol")
    client, took = Client(), {"ann": [0.0], "nobody": [0.0], "carol": [0.0]}
    for turn in range(201):
        name = ("ann", "nobody", "carol")[turn % 3]
        began = time.perf_counter()
        try_in(client, name, "wrong")
        took[name].append(time.perf_counter() - began)
    shortest = {name: min(times[1:]) for name, times in took.items()}
    assert max(shortest.values()) / min(shortest.values()) < 1.25, shortest


@pytest.mark.parametrize("name", ["command line", "directory", "the access file"])
def test_nobody_comes_in_under_the_name_of_what_the_portal_does_itself(
    name: str, client: Client, db: None
) -> None:
    User.objects.create_user(name, password=PASSWORD)
    assert client.post("/sign-in/", {"username": name, "password": PASSWORD}).status_code == 403
    assert Entry.objects.get().actor == unknown_name(name)


def test_P7_an_unknown_name_is_in_the_record_as_a_keyed_hash_only(
    ann: User, client: Client
) -> None:
    try_in(client, "my-secret-password", "wrong")
    row = Entry.objects.get()
    assert (row.actor, row.actor_key) == (unknown_name("my-secret-password"), "")
    assert not [value for value in vars(row).values() if "my-secret" in str(value)]
    try_in(client, "Ann", "wrong")
    row = Entry.objects.latest("id")
    assert (row.actor, row.actor_key, row.outcome) == ("ann", ann.record_key, Outcome.DENIED)


def test_P30_who_cannot_be_recorded_does_not_get_in(
    ann: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(act: object, outcome: object, error: str = "") -> None:
        raise RecordUnavailable(log="full", message="full", next_step="")

    monkeypatch.setattr("accounts.record.write", full)
    assert try_in(client, "ann", PASSWORD).status_code == 503
    assert not is_in(client)
    assert Session.objects.count() == 0


def test_P20_no_password_and_no_unknown_name_is_kept_anywhere(ann: User, client: Client) -> None:
    try_in(client, "ann", "the-wrong-secret")
    response = try_in(client, "ann", PASSWORD)
    rows = [*Entry.objects.values(), *SignInThrottle.objects.values(), *Session.objects.values()]
    for secret in ("the-wrong-secret", PASSWORD):
        assert secret not in str(rows)
        assert secret not in str(response.headers) + str(client.cookies)


def test_P23_a_stolen_database_holds_no_session_and_no_password(ann: User, client: Client) -> None:
    try_in(client, "ann", PASSWORD)
    cookie = client.cookies["session"].value
    row = Session.objects.get()
    assert cookie not in str(list(Session.objects.values()))
    thief = Client()
    for stolen in (row.session_key, row.session_key[:32], row.session_data):
        thief.cookies["session"] = stolen
        assert not is_in(thief)
    thief.cookies["session"] = cookie
    assert is_in(thief)
    assert User.objects.get().password.startswith("argon2$argon2id$")


# --- next ------------------------------------------------------------------------------------

ELSEWHERE = [
    "https://evil.example/",
    "http://testserver.evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "http:///evil.example",
    " //evil.example/",
    "/\x00/evil.example/",
    "/./go/payments-prod/Developer/",
    "/history/../go/payments-prod/Developer/",
    "/history/%2e%2e/go/payments-prod/Developer/",
    "/history/.%2E/go/payments-prod/Developer/",
    "/g\to/payments-prod/Developer/",
    "/" + "a" * 9000,
    "",
]


@pytest.mark.parametrize("step", ELSEWHERE)
def test_P13_next_leads_to_our_own_pages_only(step: str, ann: User, client: Client) -> None:
    assert try_in(client, "ann", PASSWORD, step)["Location"] == "/"
    assert client.get(f"/sign-in/?next={quote(step)}")["Location"] == "/"


@pytest.mark.parametrize("step", ["/history/", "/history/?outcome=denied#a", "/bookmarks/?to=a.b"])
def test_P13_next_is_kept_also_after_a_wrong_password(step: str, ann: User, client: Client) -> None:
    shown = client.get(f"/sign-in/?next={quote(step)}")
    assert f'name="next" value="{step}"' in shown.content.decode()
    again = try_in(client, "ann", "wrong", step)
    assert f'name="next" value="{step}"' in again.content.decode()
    assert b"you go on to the page you asked for" in again.content
    assert try_in(client, "ann", PASSWORD, step)["Location"] == step


def test_P19_next_and_name_carry_no_markup_into_the_page(ann: User, client: Client) -> None:
    evil = '/"><script>alert(1)</script>'
    for response in (client.get(f"/sign-in/?next={quote(evil)}"), try_in(client, evil, "x", evil)):
        assert b"<script>alert" not in response.content


def test_P12_the_sign_in_page_does_not_tell_whether_a_role_exists(client: Client, db: None) -> None:
    pages = [
        client.get(f"/sign-in/?next=/go/{place}/").content.replace(place.encode(), b"")
        for place in ("payments-prod/Developer", "no-such/Nothing")
    ]
    first, second = (TOKEN.sub(b"", REFERENCE.sub(b"", text)) for text in pages)
    assert first == second
    assert b"the AWS page you asked for" in first


def test_a_local_path_that_is_a_launch_is_known_however_it_is_written() -> None:
    plain = NextStep.of("/go/payments-prod/Developer/?to=a%2Fb").launch
    assert plain
    for same in (
        "/%67o/payments-prod/Devel%6Fper/?to=a/b",
        "/go/payments-prod/Developer?to=a/b#x",
        "/go/payments-prod/Developer/?&to=a%2fb&confirm=x",
    ):
        assert NextStep.of(same).launch == plain
    assert NextStep.of("/history/").launch == ""


# --- closed by default -----------------------------------------------------------------------

OPEN = {"sign-in", "sign-out", "launch"}


def walked(
    patterns: Iterable[URLPattern | URLResolver], before: str = "/"
) -> Iterator[tuple[URLPattern, str]]:
    """Every view there is, the administration's too, with an address that leads to it."""
    for pattern in patterns:
        address = before + address_of(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from walked(pattern.url_patterns, address)
        else:
            yield pattern, address


def address_of(route: str) -> str:
    values = {"account": "1", "role": "R", "form": "csv", "app_label": "accounts"}
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route).strip("^$").removesuffix(r"\Z")
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda name: values.get(name[1], "1"), route)


@pytest.mark.django_db
def test_P1_every_page_needs_a_signed_in_person(client: Client) -> None:
    views = list(walked(get_resolver().url_patterns))
    assert len(views) > 40
    for pattern, address in views:
        for method in ("get", "post"):
            response = getattr(client, method)(address)
            if pattern.name == "sign-in":
                assert response.status_code in {200, 403}
                continue
            assert response.status_code == 302, (pattern, address)
            assert response["Location"].startswith("/sign-in/"), pattern
            assert not response.content


@pytest.mark.django_db
def test_P1_only_the_listed_views_are_open_to_nobody() -> None:
    opened = {
        pattern.name
        for pattern, _ in walked(get_resolver().url_patterns)
        if not getattr(pattern.callback, "login_required", True)
    }
    assert opened == OPEN


# --- headers ---------------------------------------------------------------------------------

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sign-in/", 200),
        ("/", 302),
        ("/nowhere/", 404),
        ("/go/a/b/", 302),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/sign-in", 301),
        ("/static/nothing.css", 404),
        ("/static/css/base.css", 200),
    ],
)
@pytest.mark.django_db
def test_P15_every_answer_refuses_frames_sniffing_and_strangers(
    path: str, status: int, client: Client
) -> None:
    response = client.get(path)
    response.close()
    assert response.status_code == status
    require_protection(response)


def require_protection(response: "Response") -> None:
    for name, value in EVERYWHERE.items():
        assert response[name] == value
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert response["Referrer-Policy"] in {"same-origin", "no-referrer"}


def test_P15_errors_are_no_exception(ann: User, signed_in: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    for response, status in (
        (signed_in.get("/nowhere/"), 404),
        (signed_in.get("/go/a/b/"), 404),
        (signed_in.get("/sign-in/", headers={"Host": "evil.example"}), 400),
        (strict.post("/sign-in/", {"username": "ann"}), 403),
        (signed_in.put("/sign-in/"), 405),
        (signed_in.post("/sign-in/", {"username": "x" * 300_000}), 400),
    ):
        assert response.status_code == status
        require_protection(response)
        assert response["Cache-Control"] == "no-store"


def test_P21_pages_are_not_stored_and_static_files_are(client: Client, db: None) -> None:
    page = client.get("/sign-in/")
    assert page["Cache-Control"] == "no-store"
    sheet = re.search(r'href="(/static/css/base\.[0-9a-f]+\.css)"', page.content.decode())
    assert sheet
    served = client.get(sheet[1])
    served.close()
    assert "immutable" in served["Cache-Control"]


@pytest.mark.django_db
def test_a_strangers_upload_is_not_read(client: Client) -> None:
    file = SimpleUploadedFile("big", b"x" * 5_000_000)
    answer = client.post("/sign-in/", {"a": file, "username": "ann", "password": "b"})
    assert answer.status_code == 403
    assert answer.wsgi_request.FILES == {}
    assert "username" not in answer.wsgi_request.POST


@pytest.mark.django_db
def test_P6_more_sign_ins_at_once_than_can_be_checked_are_asked_to_wait(
    client: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.signin.hashing._HASHING", threading.BoundedSemaphore(1))
    monkeypatch.setattr("portal.signin.hashing._LONGEST_WAIT_SECONDS", 0.01)
    with hashing._HASHING:
        answer = client.post("/sign-in/", {"username": "ann", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(float(answer["Retry-After"])) >= 0
    assert client.post("/sign-in/", {"username": "ann", "password": PASSWORD}).status_code == 303


def test_a_refusal_that_is_no_wrong_password_has_a_log_line_and_a_reference(
    ann: User, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def barred(*_: object) -> NotLetIn:
        return NotLetIn(log="why", message="No.", next_step="Ask.", code="DirectoryGone")

    response = try_in(client, "ann", "wrong")
    assert not REFERENCE.search(response.content)
    monkeypatch.setattr(use_case, "sign_in", barred)
    response = try_in(client, "ann", PASSWORD)
    assert response.headers["X-Request-Id"].encode() in response.content
    told = [vars(line)["facts"] for line in caplog.records if line.getMessage() == "refused"]
    assert [(line["code"], line["cause"], line["status"]) for line in told] == [
        ("DirectoryGone", "why", 403)
    ]
