"""P04: whoever the directory no longer lets in is out at the next launch, each for their reason."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests

from tests.directory.house import ADMINISTRATORS, DENIED, ENGINEERS, REQUIRED, House, Person
from tests.directory.visiting import GO, launched, sentences


def test_directory_person_signs_in_launches_and_signs_out_and_the_record_has_it(
    home: House,
) -> None:
    person = home.invite()
    visitor = home.sign_in(person)
    assert launched(visitor.go())
    acts = [(row["action"], row["outcome"], row["actor"]) for row in visitor.history()]
    assert sorted(acts) == [
        ("launch", "succeeded", person.name),
        ("sign-in", "succeeded", person.name),
    ]
    visitor.sign_out()
    assert not visitor.is_signed_in
    assert home.served.manage("audit", "verify").stdout.startswith("ok  ")


def test_P04_removed_from_the_group_with_the_grant_is_404_like_a_stranger_and_stays_signed_in(
    home: House,
) -> None:
    person = home.invite()
    visitor = home.sign_in(person)
    assert launched(visitor.go())
    home.branch.remove_member(ENGINEERS, person.name)
    refused = visitor.go()
    assert refused.status_code == 404
    assert home.last_act("launch", person.name) == ("denied", "NotGranted")
    assert visitor.is_signed_in
    stranger = home.sign_in(home.invite("bob", "keepers")).go()
    assert sentences(stranger).split("Reference")[0] == sentences(refused).split("Reference")[0]


def test_P04_added_to_the_group_with_the_grant_may_launch_without_signing_in_again(
    home: House,
) -> None:
    person = home.invite("carol", ADMINISTRATORS)
    visitor = home.sign_in(person)
    assert visitor.go().status_code == 404
    home.branch.add_member(ENGINEERS, person.name)
    assert launched(visitor.go())


def gone(home: House, person: Person) -> None:
    home.branch.delete_person(person.name)


def disabled(home: House, person: Person) -> None:
    home.branch.disable(person.name)


def outside(home: House, person: Person) -> None:
    home.branch.remove_member(REQUIRED, person.name)


def barred(home: House, person: Person) -> None:
    home.branch.add_member(DENIED, person.name)


def moved_away(home: House, person: Person) -> None:
    """To where the portal does not look."""
    dn = home.branch.person(person.name)
    with home.branch.server.writing() as connection:
        connection.rename_s(dn, dn.partition(",")[0], home.branch.dn)


def replaced(home: House, person: Person) -> None:
    home.replace(person)


REASONS = {
    "gone": (gone, "The directory no longer knows you."),
    "disabled": (disabled, "Your account in the directory is disabled."),
    "outside": (outside, "The directory does not have you in a group that may use this portal."),
    "barred": (barred, "The directory does not have you in a group that may use this portal."),
    "moved away": (moved_away, "The directory no longer knows you."),
    "replaced": (replaced, "Your user name belongs to somebody else in the directory now."),
}


@pytest.mark.parametrize("reason", REASONS)
def test_P04_refused_at_the_next_launch_with_its_own_sentence_and_rows_and_the_session_ends(
    home: House, reason: str
) -> None:
    happens, sentence = REASONS[reason]
    person = home.invite()
    visitor, other_browser = home.sign_in(person), home.sign_in(person)
    assert launched(visitor.go())
    happens(home, person)
    refused = visitor.go()
    assert refused.status_code == 403
    assert sentence in sentences(refused)
    assert home.last_act("launch", person.name)[0] == "denied"
    assert home.changes(person.name)[-1]["before"]["state"] == "present"
    assert home.changes(person.name)[-1]["after"]["state"] != "present"
    for browser in (visitor, other_browser):
        assert not browser.is_signed_in
        assert browser.go().headers["Location"].startswith("/sign-in/")
    again = home.visitor().try_in(person.name, person.password)
    assert again.status_code == 403


@pytest.mark.parametrize("path", ["/credentials/payments-dev/Developer/"])
def test_P04_credentials_are_refused_as_a_launch_is(home: House, path: str) -> None:
    person = home.invite()
    visitor = home.sign_in(person)
    assert visitor.get(path).status_code == 200
    home.branch.delete_person(person.name)
    fields = {"csrfmiddlewaretoken": visitor._form_token(path)}
    refused = visitor.http.post(visitor.url + path, fields, timeout=60, allow_redirects=False)
    assert refused.status_code == 403
    assert "The directory no longer knows you." in sentences(refused)
    assert not visitor.is_signed_in


def test_P04_a_new_person_of_the_name_waits_for_forget_and_then_starts_with_nothing(
    home: House,
) -> None:
    old = home.invite()
    grants = home.served.log.with_name("personal.yaml")
    grants.write_text(
        f"version: 1\ngrants:\n  - {{user: {old.name}, account: hub, role: cost-viewer}}\n",
        encoding="utf-8",
    )
    assert home.served.manage("access", "apply", str(grants)).returncode == 0
    visitor = home.sign_in(old)
    assert launched(visitor.go("/go/hub/cost-viewer/"))
    new = home.replace(old)

    refused = home.visitor().try_in(new.name, new.password)
    assert refused.status_code == 403
    assert "This name belonged to somebody else" in sentences(refused)
    assert home.last_act("sign-in", new.name)[0] == "denied"
    assert visitor.go("/go/hub/cost-viewer/").status_code == 403
    assert not visitor.is_signed_in

    forgotten = home.served.manage("directory", "forget", new.name)
    assert (forgotten.returncode, forgotten.stdout) == (0, f"forgotten: {new.name}\n")
    newcomer = home.sign_in(new)
    assert [row["action"] for row in newcomer.history()] == ["sign-in"]
    assert newcomer.go("/go/hub/cost-viewer/").status_code == 404
    assert launched(newcomer.go())
    assert home.served.manage("audit", "verify").stdout.startswith("ok  ")


def test_P04_let_in_again_without_a_restart_when_the_directory_does(home: House) -> None:
    person = home.invite()
    visitor = home.sign_in(person)
    home.branch.disable(person.name)
    assert visitor.go().status_code == 403
    home.branch.enable(person.name)
    assert launched(home.sign_in(person).go())


def test_somebody_moved_within_the_people_is_still_the_same(home: House) -> None:
    person = home.invite()
    visitor = home.sign_in(person)
    home.branch.move_person(person.name, "elsewhere")
    assert launched(visitor.go())
    assert visitor.is_signed_in


def test_somebody_renamed_keeps_their_history_under_the_new_name(home: House) -> None:
    person = home.invite()
    visitor = home.sign_in(person)
    assert launched(visitor.go())
    renamed = Person(f"{person.name}-renamed", person.password)
    dn = home.branch.person(person.name)
    with home.branch.server.writing() as connection:
        connection.rename_s(dn, f"uid={renamed.name}")
    again = home.sign_in(renamed)
    assert [row["action"] for row in again.history()].count("launch") == 1
    assert launched(again.go())


def test_administrators_group_gives_the_built_in_rights_and_takes_them_again(home: House) -> None:
    person = home.invite("dana")
    home.branch.add_member(ADMINISTRATORS, person.name)
    visitor = home.sign_in(person)
    assert rights(home, person) == (1, 0)
    assert home.changes(person.name)[-1]["after"]["administrator"] is True
    home.branch.remove_member(ADMINISTRATORS, person.name)
    assert launched(visitor.go())
    assert rights(home, person) == (0, 0)
    assert home.changes(person.name)[-1]["after"]["administrator"] is False


def test_P05_a_rise_in_rights_ends_the_session_that_began_without_them(home: House) -> None:
    person = home.invite("dana")
    visitor = home.sign_in(person)
    home.branch.add_member(ADMINISTRATORS, person.name)
    visitor.go()
    assert not visitor.is_signed_in
    home.sign_in(person)
    assert rights(home, person) == (1, 0)


def rights(home: House, person: Person) -> tuple[int, int]:
    ((staff, superuser),) = home.rows(
        "SELECT is_staff, is_superuser FROM accounts_user WHERE username=?", person.name
    )
    return staff, superuser


def test_only_named_groups_are_mirrored_and_local_ones_left_alone(home: House) -> None:
    home.branch.add_group("payments")
    home.branch.add_group("nobody-names-this")
    person = home.invite("ann", ENGINEERS, "payments", "nobody-names-this")
    visitor = home.sign_in(person)
    # payments is a local group of the access file, which lets its members in there.
    assert visitor.go("/go/payments-prod/ReadOnly/").status_code == 404
    groups = home.rows(
        "SELECT g.name FROM accounts_group g JOIN accounts_membership m ON m.group_id=g.id "
        "JOIN accounts_user u ON u.id=m.user_id WHERE u.username=?",
        person.name,
    )
    assert groups == [(ENGINEERS,)]
    assert not home.rows("SELECT 1 FROM accounts_group WHERE name='nobody-names-this'")


def test_local_group_membership_outlives_every_reading(home: House) -> None:
    person = home.invite()
    local = home.served.log.with_name("local.yaml")
    local.write_text(
        f"version: 1\ngroups:\n  - {{name: local-{person.name}, members: [{person.name}]}}\n"
        f"grants:\n  - {{group: local-{person.name}, account: hub, role: cost-viewer}}\n",
        encoding="utf-8",
    )
    assert home.served.manage("access", "apply", str(local)).returncode == 0
    visitor = home.sign_in(person)
    assert launched(visitor.go())
    assert launched(visitor.go("/go/hub/cost-viewer/"))
    home.branch.remove_member(ENGINEERS, person.name)
    assert visitor.go().status_code == 404
    assert launched(visitor.go("/go/hub/cost-viewer/"))


def test_a_grant_may_name_a_group_by_its_dn(home: House) -> None:
    dn = home.branch.add_group("by-dn")
    grants = home.served.log.with_name("by-dn.yaml")
    grants.write_text(
        f'version: 1\ngrants:\n  - {{group: "{dn.upper()}", account: hub, role: cost-viewer}}\n',
        encoding="utf-8",
    )
    assert home.served.manage("access", "apply", str(grants)).returncode == 0
    assert launched(home.sign_in(home.invite("bob", "by-dn")).go("/go/hub/cost-viewer/"))


def test_placeholder_of_the_access_file_is_claimed_by_the_first_sign_in_of_the_name(
    home: House,
) -> None:
    name = "carol-waited-for"
    grants = home.served.log.with_name("placeholder.yaml")
    grants.write_text(
        f"version: 1\ngrants:\n  - {{user: {name}, account: payments-dev, role: Developer}}\n",
        encoding="utf-8",
    )
    assert home.served.manage("access", "apply", str(grants)).returncode == 0
    home.branch.add_person(name, "carol-has-come-at-last")
    home.branch.add_member(REQUIRED, name)
    visitor = home.visitor().sign_in(name, "carol-has-come-at-last")
    assert launched(visitor.go(GO))


def test_local_person_is_never_taken_over_by_the_directory(home: House) -> None:
    local = home.visitor().sign_in("bob", "bob-enters-here")
    home.branch.add_person("bob", "bob-of-the-directory-knows")
    for group in (REQUIRED, ADMINISTRATORS, ENGINEERS):
        home.branch.add_member(group, "bob")
    refused = home.visitor().try_in("bob", "bob-of-the-directory-knows")
    assert refused.status_code == 403
    assert "This name belongs to a person with a password of the portal" in sentences(refused)
    outcomes = home.rows(
        "SELECT outcome FROM accounts_entry WHERE action='sign-in' AND actor='bob' ORDER BY id"
    )
    assert outcomes[-1] == ("denied",)
    assert local.is_signed_in
    assert home.visitor().sign_in("bob", "bob-enters-here").go().status_code == 404
    ((origin, staff),) = home.rows(
        "SELECT origin, is_staff FROM accounts_user WHERE username='bob'"
    )
    assert (origin, staff) == ("local", 0)


@pytest.mark.parametrize("words", [["changepassword"], ["createsuperuser", "--noinput"]])
def test_commands_for_local_people_refuse_a_directory_person_naming_forget(
    home: House, words: list[str]
) -> None:
    person = home.invite()
    home.sign_in(person)
    named = {"DJANGO_SUPERUSER_USERNAME": person.name, "DJANGO_SUPERUSER_PASSWORD": "a-new-one-1"}
    served = replace(home.served, environment={**home.served.environment, **named})
    name = [person.name] if words == ["changepassword"] else []
    answer = served.manage(*words, *name, stdin="a-new-password-1\na-new-password-1\n")
    assert answer.returncode != 0
    assert f"directory forget {person.name}" in answer.stdout + answer.stderr
    home.sign_in(person)


def test_P04_many_clicks_at_once_let_nobody_in_who_has_left(home: House) -> None:
    person = home.invite("ann")
    visitor = home.sign_in(person)
    cookies = dict(visitor.http.cookies)
    home.branch.delete_person(person.name)

    def click(_: int) -> bool:
        answer = requests.get(
            home.served.url + GO, cookies=cookies, timeout=60, allow_redirects=False
        )
        return launched(answer)

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(click, range(16)))
