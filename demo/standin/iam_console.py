"""IAM's pages over HTTP: who may open them, what a form does, and where it leads.

Only the stand-in's own forms change anything: another site's page reaches loopback addresses too,
by a form or by a name of its own that resolves to them.
"""

from urllib.parse import urlencode, urlsplit

from demo.standin.iam import (
    Iam,
    PolicyForm,
    RoleForm,
    Unfit,
    trust_policy_of,
)
from demo.standin.iam_page import iam_page, policy_page, role_page
from demo.standin.messages import PAGE_HEADERS, Answer, RepeatedParameter, Request, page_answer
from demo.standin.page import message_page

HEADERS = {
    **PAGE_HEADERS,
    "Content-Security-Policy": PAGE_HEADERS["Content-Security-Policy"].replace(
        "form-action 'none'", "form-action 'self'"
    ),
    # A page without a referrer has no origin either, and the form's origin is looked at.
    "Referrer-Policy": "same-origin",
}


class IamConsole:
    """The pages of one stand-in's IAM."""

    def __init__(self, iam: Iam) -> None:
        self._iam = iam

    def answer(self, request: Request, url: str) -> Answer:
        """Answer a page or a form; ``url`` is the console's own origin."""
        if not _is_own_host(request, url):
            return page_answer(403, message_page("This page is at the demo's own address only."))
        if request.method not in ("GET", "HEAD", "POST"):
            return page_answer(405, message_page("This page is read or sent."))
        if request.method == "POST" and not _is_own_form(request):
            return page_answer(403, message_page("This form was sent by another page."))
        rooms = {"/iam": self._list, "/iam/role": self._role, "/iam/policy": self._policy}
        room = rooms.get(request.path.removesuffix("/"))
        try:
            return room(request) if room else page_answer(404, message_page("Nothing is here."))
        except RepeatedParameter:
            return page_answer(400, message_page("The form says one thing twice."))

    def _list(self, request: Request) -> Answer:
        if request.method == "POST":
            return page_answer(405, message_page("This page is only read."))
        return page_answer(200, iam_page(self._iam.config), HEADERS)

    def _role(self, request: Request) -> Answer:
        given = request.parameters
        if request.method != "POST":
            form, is_there = self._role_form(given.get("account_id", ""), given.get("name", ""))
            return _shown(role_page(form, is_there, is_saved="saved" in given))
        form = RoleForm(
            account_id=given.get("account_id", "").strip(),
            name=given.get("name", "").strip().removeprefix("/"),
            partition=given.get("partition", "aws"),
            trust_policy=_text(given.get("trust_policy", "")),
            permissions=_text(given.get("permissions", "")),
            max_session_seconds=given.get("max_session_seconds", "").strip(),
        )
        try:
            self._iam.put_role(form)
        except Unfit as unfit:
            _, is_there = self._role_form(form.account_id, form.name)
            return _shown(role_page(form, is_there, unfit=unfit), status=400)
        return _see_saved("/iam/role/", account_id=form.account_id, name=form.name)

    def _role_form(self, account_id: str, name: str) -> tuple[RoleForm, bool]:
        """Return the form of a role, and whether there is such a role."""
        account = self._iam.config.accounts_by_id.get(account_id)
        role = account.roles_by_name.get(name) if account else None
        if account is None or role is None:
            return RoleForm(account_id, name, account.partition if account else "aws"), False
        trust_policy = trust_policy_of(role, account)
        seconds = str(role.max_session_seconds)
        form = RoleForm(account_id, name, account.partition, trust_policy, role.policy, seconds)
        return form, True

    def _policy(self, request: Request) -> Answer:
        given = request.parameters
        arn, name = given.get("arn", ""), given.get("name", "").strip()
        try:
            there = self._iam.policies(arn).get(name, "")
        except KeyError:
            return page_answer(404, message_page("There is no such user."))
        if request.method != "POST":
            form = PolicyForm(arn, name, there)
            return _shown(policy_page(form, bool(there), is_saved="saved" in given))
        form = PolicyForm(arn, name, _text(given.get("policy", "")))
        try:
            self._iam.put_user_policy(form)
        except Unfit as unfit:
            return _shown(policy_page(form, bool(there), unfit=unfit), status=400)
        if not form.policy:
            return Answer(303, headers={**HEADERS, "Location": "/iam/"})
        return _see_saved("/iam/policy/", arn=arn, name=name)


def _shown(page: str, status: int = 200) -> Answer:
    return page_answer(status, page, HEADERS)


def _see_saved(path: str, **what: str) -> Answer:
    return Answer(303, headers={**HEADERS, "Location": f"{path}?{urlencode({**what, 'saved': 1})}"})


def _text(text: str) -> str:
    """Return what was typed into a field of several lines, as it was pasted."""
    return text.replace("\r\n", "\n").strip()


def _is_own_host(request: Request, url: str) -> bool:
    port = urlsplit(url).port
    return request.headers.get("host") in (f"127.0.0.1:{port}", f"localhost:{port}")


def _is_own_form(request: Request) -> bool:
    return request.headers.get("origin") == f"http://{request.headers.get('host')}"
