"""Text that a database may refuse: NUL, which PostgreSQL cannot hold, and numbers beyond it."""

from itertools import product
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.test.client import BOUNDARY, encode_multipart

from accounts import record
from accounts.models import Account, Entry, Grant, Role, User

ODD = ("\0", "a\0b", "%00", "9" * 30, "-1", "\u202e", "\ud7ff\uffff", "x" * 3000)


@pytest.fixture
def role(ann: User) -> Role:
    account = Account.objects.create(account_id="222222222222", alias="payments-prod")
    made = Role.objects.create(account=account, name="Developer", region="eu-central-1")
    Grant.objects.create(user=ann, account=account, role_name="Developer")
    return made


FIELDS = (
    "to",
    "region",
    "seconds",
    "reason",
    "q",
    "account",
    "environment",
    "what",
    "since",
    "until",
    "before",
    "confirm",
    "next",
    "tag",
    "place",
    "name",
    "key",
    "page",
)
PATHS = (
    "/",
    "/history/",
    "/history/export.csv",
    "/bookmarks/",
    "/credentials/payments-prod/Developer/",
    "/go/payments-prod/Developer/",
    "/sign-in/",
)


@pytest.mark.usefixtures("role")
@pytest.mark.parametrize("path", PATHS)
def test_no_text_in_a_query_is_more_than_the_database_can_take(
    signed_in: Client, path: str
) -> None:
    for field, odd in product(FIELDS, ODD):
        answer = signed_in.get(f"{path}?{urlencode({field: odd})}")
        # Where everything else is right, the broker's credentials are missing: also a 500.
        assert answer.status_code != 503, (field, odd)
        assert b"Something went wrong" not in answer.getvalue(), (field, odd)
    assert record.verify().broken_at is None


@pytest.mark.usefixtures("role")
@pytest.mark.parametrize("odd", ["%00", "payments-prod%00", "%E2%80%AE", "x" * 300])
def test_P12_an_account_or_role_that_can_be_none_is_404_and_in_the_record(
    signed_in: Client, odd: str
) -> None:
    for path in (f"/go/{odd}/Developer/", f"/go/payments-prod/{odd}/"):
        assert signed_in.get(path).status_code == 404
    assert Entry.objects.filter(action="launch", error="NotGranted").count() == 2


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd != "%00"])
def test_P2_a_user_name_that_can_be_none_gets_nobody_in(db: None, odd: str) -> None:
    answer = Client().post("/sign-in/", {"username": odd, "password": odd})
    assert answer.status_code == 403
    assert Entry.objects.get().actor.startswith("unknown:")


CHARSETS = ("latin-1", "utf-16", "zlib", "undefined", "unicode_escape", "none-such")


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_form_in_other_letters_is_400_whoever_sends_it(signed_in: Client, charset: str) -> None:
    body = encode_multipart(BOUNDARY, {"username": "\\ud800", "password": "x", "name": "\\ud800"})
    kind = f"multipart/form-data; boundary={BOUNDARY}; charset={charset}"
    rows = Entry.objects.count()
    for client, path in ((Client(), "/sign-in/"), (signed_in, "/bookmarks/")):
        answer = client.generic("POST", path, body, kind)
        assert answer.status_code == 400
        assert "The portal reads forms in UTF-8 only." in answer.content.decode()
    assert Entry.objects.count() == rows
