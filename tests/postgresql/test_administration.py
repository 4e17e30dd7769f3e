"""P32: what administrators change at the same moment on PostgreSQL is judged together."""

from tests.postgresql.conftest import Database, ended

TWO_AT_ONCE = """
import threading
from accounts.administration import changing
from accounts.administration.changing import Administrator
from accounts.errors import NotAllowed
from accounts.models import Account, Grant, GrantedRole, Role, User

ann = User.objects.create_user("ann", is_staff=True)
account = Account.objects.create(account_id="222222222222")
Grant.objects.create(user=ann, account_tags={"team": "x"}, role_name="Admin")
judge, both, refused = changing.require_not_lifted, threading.Barrier(2), []

def judge_then_wait(before):
    judge(before)
    try:
        both.wait(2)
    except threading.BrokenBarrierError:
        pass

changing.require_not_lifted = judge_then_wait

def change(what):
    try:
        with changing.changing(Administrator(ann)):
            what()
    except NotAllowed as error:
        refused.append(error.code)

changes = [
    lambda: Account.objects.update(tags={"team": "x"}),
    lambda: Role.objects.create(account_id=account.pk, name="Admin"),
]
threads = [threading.Thread(target=change, args=[what]) for what in changes]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(refused, GrantedRole.objects.filter(user=ann).exists())
"""

A_FORM_WHILE_ANOTHER_WRITES = """
import threading
from django.conf import settings
from django.db import connection, transaction
settings.ALLOWED_HOSTS = ["*"]
from accounts.models import User
from tests.directory.house import eventually
from tests.portal.admin import cast

bob = User.objects.create_user("bob", "the old password")
old = bob.password
danas = cast.browser(cast.superuser())
sent = {"name": "Robert", "email": "", "_save": "1"}
address = f"/admin/accounts/user/{bob.pk}/change/"
saving = threading.Thread(target=danas.post, args=[address, sent])

def waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]

with transaction.atomic():
    User.objects.filter(pk=bob.pk).update(password="another")
    saving.start()
    eventually(waits, 20)
saving.join()
bob.refresh_from_db()
print(bob.name, bob.password == "another")
"""


def test_P32_two_harmless_changes_at_once_lift_nobody(database: Database) -> None:
    (said,) = ended(database.shell(TWO_AT_ONCE))
    assert said.splitlines()[-1] == "['LiftsThemselves'] False"


def test_P5_a_persons_form_writes_no_old_password_back(database: Database) -> None:
    (said,) = ended(database.shell(A_FORM_WHILE_ANOTHER_WRITES))
    assert said.splitlines()[-1] == "Robert True"
