"""Nobody lifts themselves: by form, by address, by forged POST, each try refused and a row.

The third acceptance of the administration: staff without superuser, and auditors.
"""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group as PermissionSet
from django.contrib.auth.models import Permission
from django.test import Client

from accounts import record
from accounts.models import (
    Account,
    Bookmark,
    CredentialSource,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    Outcome,
    Role,
    User,
)
from tests.portal import catalogue
from tests.portal.admin import cast
from tests.portal.reading import read

pytestmark = pytest.mark.django_db

Forging = Callable[[User], tuple[str, dict[str, str]]]


@pytest.fixture
def keeper() -> User:
    """Staff, no superuser."""
    return cast.administrator("ann")


@pytest.fixture
def keepers(keeper: User) -> Client:
    return cast.browser(keeper)


def snapshot() -> list[object]:
    """Everything that rights are made of."""
    users = User.objects.order_by("pk")
    return [
        list(users.values_list("pk", "username", "is_staff", "is_superuser", "password")),
        list(users.order_by("pk", "groups").values_list("pk", "groups")),
        list(Grant.objects.order_by("pk").values_list("pk", "user_id", "group_id", "expires")),
        list(Membership.objects.order_by("pk").values_list("group_id", "user_id")),
        list(PermissionSet.objects.order_by("pk", "permissions").values_list("pk", "permissions")),
        list(Role.objects.order_by("pk").values_list("pk", "session_policy", "disabled")),
    ]


def forged_user(key: int, path: str = "change") -> str:
    return f"/admin/accounts/user/{key}/{path}/"


class TestAcceptance3:
    @pytest.mark.parametrize(
        "field", ["is_superuser", "is_staff", "groups", "password", "is_active", "username"]
    )
    def test_P32_own_rights_by_a_forged_form(
        self, keeper: User, keepers: Client, field: str
    ) -> None:
        before = snapshot()
        answer = keepers.post(forged_user(keeper.pk), {field: "1", "_save": "1"})
        assert answer.status_code == 403
        assert snapshot() == before
        row = cast.the_refusal()
        assert row.actor == "ann"
        assert field in cast.details(row)["fields"]

    @pytest.mark.parametrize("path", ["change", "delete", "password", "access", "sessions"])
    def test_P32_a_superuser_is_not_theirs_to_touch(self, keepers: Client, path: str) -> None:
        dana = cast.superuser()
        before = snapshot()
        post = {"post": "yes", "is_active": "0", "password": "x" * 20, "again": "x" * 20}
        assert keepers.post(forged_user(dana.pk, path), post).status_code == 403
        assert snapshot() == before
        assert User.objects.get(pk=dana.pk).is_active
        cast.the_refusal()

    @pytest.mark.parametrize("path", ["password", "access", "sessions", "delete"])
    def test_P32_nor_by_its_address(self, keepers: Client, path: str) -> None:
        dana = cast.superuser()
        assert keepers.get(forged_user(dana.pk, path)).status_code == 403
        cast.the_refusal()

    @pytest.mark.parametrize("path", ["/admin/accounts/user/add/", "/admin/auth/group/add/"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_P32_people_and_permission_sets_are_not_theirs_to_make(
        self, keepers: Client, path: str, method: str
    ) -> None:
        before = snapshot()
        post = {"username": "eve", "name": "all", "is_superuser": "on", "password": "x" * 20}
        assert getattr(keepers, method)(path, post).status_code == 403
        assert snapshot() == before
        cast.the_refusal()

    def test_P32_a_permission_set_is_not_theirs_to_fill(
        self, keeper: User, keepers: Client
    ) -> None:
        own = keeper.groups.get()
        before = snapshot()
        for method in (keepers.get, keepers.post):
            assert method(f"/admin/auth/group/{own.pk}/change/").status_code == 403
        assert snapshot() == before
        assert [row.outcome for row in cast.rows()] == [Outcome.DENIED] * 2

    def test_P30_the_record_is_nobodys_to_edit(self, keepers: Client) -> None:
        keepers.post("/admin/accounts/user/add/")
        row = cast.the_refusal()
        dana = cast.browser(cast.superuser())
        for client in (keepers, dana):
            for path in (f"{row.pk}/change/", f"{row.pk}/delete/", "add/", ""):
                address = f"/admin/accounts/entry/{path}"
                post = {"actor": "bob", "post": "yes", "action": "delete_selected", "index": "0"}
                answer = client.post(address, {**post, "_selected_action": row.pk})
                assert answer.status_code in {403, 404, 405}, address
        row.refresh_from_db()
        assert row.actor == "ann"

    @pytest.mark.parametrize("lookup", ["password__startswith", "password", "record_key__gte"])
    def test_P32_a_password_hash_is_not_guessed_through_a_list(
        self, keepers: Client, lookup: str
    ) -> None:
        assert keepers.get(f"/admin/accounts/user/?{lookup}=a").status_code == 403
        assert cast.details(cast.the_refusal())["query"] == [lookup]

    @pytest.mark.parametrize(
        "address",
        [
            "role/?session_policy__regex=%5E((%5B%5E%23%5D)%2B)%2B%23%24",
            "grant/?note__iregex=a",
            "user/?email__startswith=a",
            "user/?last_login__year=2030",
            "user/?origin__regex=a",
        ],
    )
    def test_P32_a_list_is_filtered_by_what_it_offers_alone(self, address: str) -> None:
        carols = cast.browser(cast.auditor())
        assert carols.get(f"/admin/accounts/{address}").status_code == 403
        cast.the_refusal()
        offered = "origin__exact=local&is_active__exact=1&directory_state__in=gone,outside&seen=yes"
        assert carols.get(f"/admin/accounts/user/?{offered}").status_code == 200
        assert carols.get("/admin/accounts/role/?account=222222222222").status_code == 200

    def test_P32_nor_through_another_list_or_by_a_superuser(self, keepers: Client) -> None:
        dana = cast.browser(cast.superuser())
        assert dana.get("/admin/accounts/user/?password__startswith=a").status_code == 403
        grants = keepers.get("/admin/accounts/grant/?user__password__startswith=argon2")
        assert grants.status_code == 403
        assert len(cast.rows()) == 2

    def test_P32_no_page_shows_a_hash(self, keeper: User, keepers: Client) -> None:
        dana = cast.superuser()
        client = cast.browser(dana)
        for key in (keeper.pk, dana.pk):
            for reader in (keepers, client):
                page = reader.get(forged_user(key)).content.decode()
                assert "argon2" not in page
                assert User.objects.get(pk=key).record_key not in page

    @pytest.mark.parametrize("path", ["{}/change/", "add/"])
    def test_P32_they_do_not_put_themselves_into_a_group(
        self, keepers: Client, bob: User, path: str
    ) -> None:
        group = Group.objects.create(name="on-call", origin=Origin.LOCAL)
        name = {} if "change" in path else {"name": "another"}
        answer = keepers.post(
            f"/admin/accounts/group/{path.format(group.pk)}",
            {"add_members": "bob\nANN", "_save": "1", **name},
        )
        assert answer.status_code == 403
        said = read(answer.content).one("div", id="id_add_members_error").text
        assert "Nobody puts themselves into a group" in said
        assert "Ask another administrator" in said
        assert not Membership.objects.exists()
        assert Group.objects.count() == 1
        row = cast.the_refusal()
        assert (row.actor, row.error) == ("ann", "OwnGroups")
        assert "ANN" not in row.details

    def test_P32_nor_grant_to_themselves(self, keepers: Client) -> None:
        catalogue.role(account_alias="payments-prod")
        sent = {"roles": "payments-prod/Developer", "people": "ann", "end": "30-days"}
        answer = keepers.post("/admin/accounts/grant/add/", sent)
        assert answer.status_code == 403
        assert "people_error" in answer.content.decode()
        assert not Grant.objects.exists()
        assert cast.the_refusal().error == "LiftsThemselves"

    def test_P32_nor_out_of_one(self, keeper: User, keepers: Client, bob: User) -> None:
        group = Group.objects.create(name="on-call", origin=Origin.LOCAL)
        own = Membership.objects.create(group=group, user=keeper)
        Membership.objects.create(group=group, user=bob)
        address = f"/admin/accounts/group/{group.pk}/change/"
        page = read(keepers.get(address).content)
        boxes = [box.attributes["aria-label"] for box in page.all("input", name="leave")]
        assert boxes == ["Take bob out"]
        sent = {"add_members": "", "leave": str(own.pk), "_save": "1"}
        assert keepers.post(address, sent).status_code == 403
        assert group.memberships.count() == 2
        assert cast.the_refusal().error == "OwnGroups"

    @pytest.mark.parametrize("origin", Origin)
    def test_P32_nor_by_deleting_it(self, keeper: User, keepers: Client, origin: Origin) -> None:
        group = Group.objects.create(name="on-call", origin=origin)
        Membership.objects.create(group=group, user=keeper)
        address = f"/admin/accounts/group/{group.pk}/delete/"
        page = read(keepers.get(address).content).one("main")
        assert "takes themselves out of one" in page.text
        assert not list(page.all("button"))
        assert keepers.post(address, {"post": "yes"}).status_code == 403
        choice = {"action": "delete_selected", "index": "0", "post": "yes"}
        choice["_selected_action"] = str(group.pk)
        assert keepers.post("/admin/accounts/group/", choice).status_code == 403
        assert group.memberships.exists()
        assert [row.error for row in cast.rows()] == ["OwnGroups"] * 2

    def test_P32_nor_grow_by_the_tags_of_an_account(self, keeper: User, keepers: Client) -> None:
        role = catalogue.role(account_alias="payments", account_name="Payments")
        Grant.objects.create(user=keeper, account_tags={"team": "ann"}, role_name="*")
        page = f"/admin/accounts/account/{role.account_id}/change/"
        form = {"alias": "payments", "name": "Payments", "environment": "other", "_save": "1"}
        answer = keepers.post(page, {**form, "tags": "team: ann", "partition": "aws"})
        assert answer.status_code == 403
        assert Account.objects.get().tags == {}
        assert cast.the_refusal().error == "LiftsThemselves"

    def test_P32_an_unknown_field_of_any_form_is_refused(self, keepers: Client) -> None:
        source = CredentialSource.objects.create(name="hub")
        for field in ("from_file", "name", "is_superuser"):
            answer = keepers.post(
                f"/admin/accounts/credentialsource/{source.pk}/change/",
                {"profile": "hub", field: "1", "_save": "1"},
            )
            assert answer.status_code == 403, field
        assert CredentialSource.objects.get(name="hub").profile == ""
        assert [row.outcome for row in cast.rows()] == [Outcome.DENIED] * 3

    def test_P32_an_action_that_is_not_offered_is_refused(self) -> None:
        role = catalogue.role()
        some = PermissionSet.objects.create(name="Half")
        rights = Permission.objects.filter(codename__in=["view_role", "change_role"])
        some.permissions.set(rights)
        half = User.objects.create_user("carol", is_staff=True)
        half.groups.add(some)
        post = {"action": "delete_selected", "index": "0", "_selected_action": role.pk, "post": "1"}
        assert cast.browser(half).post("/admin/accounts/role/", post).status_code == 403
        assert Role.objects.count() == 1
        cast.the_refusal()

    @pytest.mark.parametrize("named", [["delete_selected", ""], ["", "delete_selected"], [], [""]])
    def test_P30_a_list_takes_no_action_that_it_does_not_offer_however_it_is_named(
        self, keepers: Client, named: list[str]
    ) -> None:
        dana = cast.superuser()
        post = {"action": named, "index": "0", "_selected_action": [dana.pk], "is_superuser": "1"}
        assert keepers.post("/admin/accounts/user/", post).status_code == 403
        assert User.objects.filter(pk=dana.pk).exists()
        assert "is_superuser" in cast.details(cast.the_refusal())["fields"]

    @pytest.mark.parametrize("key", ["9" * 30, "x", "-", ""])
    @pytest.mark.parametrize("field", ["_selected_action", "keys"])
    def test_P30_what_can_be_no_key_of_a_list_is_refused_with_a_row(
        self, keepers: Client, field: str, key: str
    ) -> None:
        actions = {"role": "delete_selected", "group": "delete_selected", "grant": "end"}
        for model, action in actions.items():
            post = {"action": action, "index": "0", field: f"{key}\n1" if field == "keys" else key}
            assert keepers.post(f"/admin/accounts/{model}/", post).status_code == 403, model
        assert {row.outcome for row in cast.rows()} == {Outcome.DENIED}
        assert len(cast.rows()) == len(actions)

    def test_P32_what_goes_along_must_be_theirs_to_delete_too(self, bob: User) -> None:
        role = catalogue.role(to=bob)
        some = PermissionSet.objects.create(name="Half")
        some.permissions.set(Permission.objects.filter(codename__in=["view_role", "delete_role"]))
        half = User.objects.create_user("carol", is_staff=True)
        half.groups.add(some)
        address = f"/admin/accounts/role/{role.pk}/delete/"
        assert cast.browser(half).post(address, {"post": "yes"}).status_code == 403
        assert Grant.objects.count() == Role.objects.count() == 1
        cast.the_refusal()

    def test_P32_people_who_are_no_staff_get_nothing(self, bob: User) -> None:
        client = cast.browser(bob)
        for path in ("", "accounts/user/", "accounts/role/add/", "names/user/"):
            assert client.get(f"/admin/{path}").status_code == 403
        assert {row.error for row in cast.rows()} == {"NoAdministrator"}
        assert len(cast.rows()) == 4


class TestAuditors:
    @pytest.fixture
    def carols(self) -> Client:
        return cast.browser(cast.auditor("carol"))

    def things(self, bob: User) -> dict[str, object]:
        role = catalogue.role(to=bob)
        group = Group.objects.create(name="on-call", origin=Origin.LOCAL)
        bookmark = Bookmark.objects.create(
            group=group, name="Queues", account=role.account, role_name=role.name
        )
        return {
            "account": role.account_id,
            "role": role.pk,
            "credentialsource": "default",
            "grant": Grant.objects.get().pk,
            "group": group.pk,
            "bookmark": bookmark.pk,
            "user": bob.pk,
        }

    def test_P30_they_see_everything(self, carols: Client, bob: User) -> None:
        for model, key in self.things(bob).items():
            for path in ("", f"{key}/change/"):
                answer = carols.get(f"/admin/accounts/{model}/{path}")
                assert answer.status_code == 200, (model, path)
                assert b'name="_save"' not in answer.content, (model, path)
        assert carols.get("/admin/").status_code == 200
        assert cast.rows() == []

    def test_P30_they_change_nothing(self, carols: Client, bob: User) -> None:
        things = self.things(bob)
        addresses = [
            f"/admin/accounts/{model}/{path}"
            for model, key in things.items()
            for path in ("", "add/", f"{key}/change/", f"{key}/delete/")
        ]
        addresses += [f"/admin/accounts/user/{bob.pk}/{path}/" for path in ("access", "sessions")]
        before = snapshot()
        for address in addresses:
            post = {"post": "yes", "action": "delete_selected", "_selected_action": "1"}
            assert carols.post(address, {**post, "is_active": "0"}).status_code == 403, address
        assert snapshot() == before
        assert len(cast.rows()) == len(addresses)
        assert {row.error for row in cast.rows()} == {"Auditor"}


class TestEndingAccess:
    def test_P32_administrators_end_the_access_of_ordinary_people(
        self, keepers: Client, bob: User
    ) -> None:
        theirs = cast.browser(bob)
        assert theirs.get("/").status_code == 200
        address = forged_user(bob.pk, "access")
        assert "End the access of bob now?" in keepers.get(address).content.decode()
        assert keepers.post(address, {"is_active": "0"}).status_code == 302
        assert theirs.get("/").status_code == 302
        (row,) = cast.rows()
        assert cast.told(row) == {
            "change": "change",
            "kind": "user",
            "name": "bob",
            "before": {"is_active": True},
            "after": {"is_active": False},
        }
        keepers.post(address, {"is_active": "1"})
        bob.refresh_from_db()
        assert bob.is_active
        assert theirs.get("/").status_code == 302, "the old session is none again"
        assert len(cast.rows()) == 2

    def test_P5_all_sessions_of_a_person_end_at_the_next_request(
        self, keepers: Client, bob: User, carol: User
    ) -> None:
        two, other = [cast.browser(bob), cast.browser(bob)], cast.browser(carol)
        assert keepers.post(forged_user(bob.pk, "sessions")).status_code == 302
        assert [client.get("/").status_code for client in two] == [302, 302]
        assert other.get("/").status_code == 200
        (row,) = cast.rows()
        told = cast.told(row)
        assert (told["before"], told["after"]) == ({"sessions": 2}, {"sessions": 0})

    @pytest.mark.parametrize("path", ["access", "sessions"])
    def test_P32_not_of_staff(self, keepers: Client, path: str) -> None:
        other = cast.auditor("bob")
        for client in (keepers, cast.browser(other)):
            assert client.post(forged_user(other.pk, path), {"is_active": "0"}).status_code == 403
        other.refresh_from_db()
        assert other.is_active
        assert [row.outcome for row in cast.rows()] == [Outcome.DENIED] * 2


def test_P30_a_refused_try_leaves_a_short_row_however_much_was_sent(bob: User) -> None:
    sent = {f"{n:04}" + "A" * 500: "" for n in range(100)}
    assert cast.browser(bob).post("/admin/accounts/user/?" + "B" * 500, sent).status_code == 403
    told = cast.details(cast.the_refusal())
    assert told["fields"] == [*(f"{n:04}" + "A" * 96 for n in range(30)), "and 70 more"]
    assert told["query"] == ["B" * 100]


def test_P30_what_is_looked_at_hides_no_try_to_raise_ones_rights() -> None:
    dana, anns = cast.superuser(), cast.browser(cast.administrator("ann"))
    for _ in range(record.MOST_REFUSALS_A_MINUTE + 2):
        assert anns.get("/admin/auth/group/").status_code == 403
    looks = len(cast.rows())
    assert looks == record.MOST_REFUSALS_A_MINUTE + 1
    for path, field in (("change", "is_superuser"), ("password", "password")):
        assert anns.post(forged_user(dana.pk, path), {field: "1"}).status_code == 403
    assert [cast.details(row)["fields"] for row in cast.rows()[looks:]] == [
        ["is_superuser", "stamp"],
        ["password"],
    ]


def test_P30_the_fields_that_rights_are_made_of_are_named_among_any_number_of_others() -> None:
    anns = cast.browser(cast.administrator("ann"))
    group = Group.objects.create(name="on-call", origin=Origin.LOCAL)
    others = {f"!{n:02}": "1" for n in range(100)}
    meant = {"is_superuser", "password", "user_permissions", "add_members"}
    sent = {**others, **dict.fromkeys(meant, "1"), "stamp": ""}
    assert anns.post(f"/admin/accounts/group/{group.pk}/change/", sent).status_code == 403
    told = cast.details(cast.the_refusal())["fields"]
    assert meant < set(told)
    assert told[-1] == "and 71 more"


def test_every_row_of_a_refusal_names_no_value(db: None) -> None:
    client = cast.browser(cast.administrator("ann"))
    client.post("/admin/accounts/user/add/?secret=hidden-value", {"password": "a secret of hers"})
    row = Entry.objects.get()
    assert "hidden-value" not in row.details
    assert "a secret of hers" not in row.details
