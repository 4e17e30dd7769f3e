"""The HTML of the stand-in's IAM: what there is, and a form for a role and for a user."""

from html import escape
from urllib.parse import urlencode

from demo.standin.config import AwsAccount, Config, IamUser
from demo.standin.iam import PolicyForm, RoleForm, Unfit, policies_of, user_arn
from demo.standin.page import account_lines, account_number, code, framed, icon
from demo.standin.partitions import CONSOLE_HOSTS

LABELS = {
    "account_id": "Account id",
    "name": "Name",
    "partition": "Partition of a new account",
    "trust_policy": "Trust policy",
    "permissions": "Permissions",
    "max_session_seconds": "Maximum session duration",
    "policy": "Permission policy",
}


def iam_page(config: Config) -> str:
    """Return the page with every identity of the portal and every account with its roles."""
    users = "\n".join(_user_row(user, config) for user in config.users)
    accounts = "\n".join(
        f'<tr><th scope="row">{account_lines(account)}</th><td>{_roles(account)}</td></tr>'
        for account in config.accounts
    )
    return framed(
        "IAM",
        f"""<div class="page-head"><h1>IAM</h1>
<div class="row"><a class="button primary" href="/iam/role/">{icon("plus")}New role</a></div>
<p>Here you paste what Sekisho shows on a role’s page under “What has to stand in AWS”. It counts
from the next call on.</p></div>
<section class="section" aria-labelledby="users"><div class="section-head">
<h2 id="users">The portal’s own identities</h2></div>
<div class="table-card"><table>
<thead><tr><th scope="col">IAM user</th><th scope="col">Its policies</th></tr></thead>
<tbody>
{users}
</tbody></table></div></section>
<section class="section" aria-labelledby="accounts"><div class="section-head">
<h2 id="accounts">Accounts and their roles</h2>
<span class="count">{len(config.accounts)}</span></div>
<div class="table-card"><table>
<thead><tr><th scope="col">Account</th><th scope="col">Roles</th></tr></thead>
<tbody>
{accounts}
</tbody></table></div></section>""",
        kind="page",
    )


def _user_row(user: IamUser, config: Config) -> str:
    account = config.accounts_by_id[user.account_id]
    arn = user_arn(user, config)
    links = [
        f'<a class="button" href="/iam/policy/?{_query(arn=arn, name=name)}">{escape(name)}</a>'
        for name in policies_of(user)
    ]
    links.append(
        f'<a class="button plain" href="/iam/policy/?{_query(arn=arn)}">{icon("plus")}New policy'
        f'<span class="vh"> of {escape(arn)}</span></a>'
    )
    return (
        f'<tr><th scope="row">{escape(user.name)}<br>{account_number(account)}</th>'
        f'<td><div class="row">{"".join(links)}</div></td></tr>'
    )


def _roles(account: AwsAccount) -> str:
    links = "".join(
        f'<a class="button" href="/iam/role/?{query}">{escape(role.name)}</a>'
        for role in sorted(account.roles, key=lambda role: role.name.lower())
        for query in [_query(account_id=account.account_id, name=role.name)]
    )
    return f'<div class="row">{links}</div>' if links else '<span class="faint">no role yet</span>'


def role_page(
    form: RoleForm, is_there: bool, *, is_saved: bool = False, unfit: Unfit | None = None
) -> str:
    """Return the form of a role; one that is there keeps its account and name."""
    title = f"Role {form.name}" if is_there else "New role"
    fixed = " readonly" if is_there else ""
    return _form_page(
        title,
        "/iam/role/",
        [
            _group(
                "Which role",
                "Its account and name stay: another name is another role."
                if is_there
                else "An account that is not there yet is made with its first role.",
                f"""<div class="two">{_line("account_id", form.account_id, unfit, "", fixed)}{
                    _line(
                        "name",
                        form.name,
                        unfit,
                        "With its path: team/Developer.",
                        fixed,
                    )
                }</div>{
                    _hidden("partition", form.partition)
                    if is_there
                    else _partition(form.partition, unfit)
                }""",
            ),
            _group(
                "Who may enter it",
                "The trust policy. It names the portal’s own identity, and says nothing of what "
                "the role may do.",
                _area("trust_policy", form.trust_policy, unfit, rows=14),
            ),
            _group(
                "What it may do",
                "The stand-in has no services to use: this counts where the role enters other "
                "roles, and where it denies its sessions everything.",
                _area(
                    "permissions",
                    form.permissions,
                    unfit,
                    rows=5,
                    hint="Empty: an administrator’s.",
                ),
            ),
            _group(
                "How long",
                "No session of it may be asked for that is longer.",
                _line(
                    "max_session_seconds",
                    form.max_session_seconds,
                    unfit,
                    "Seconds: 3600 to 43200.",
                    ' inputmode="numeric"',
                ),
            ),
        ],
        is_saved=is_saved,
        unfit=unfit,
    )


def policy_page(
    form: PolicyForm, is_there: bool, *, is_saved: bool = False, unfit: Unfit | None = None
) -> str:
    """Return the form of one of an IAM user's policies; one that is there keeps its name."""
    return _form_page(
        f"Policy {form.name}" if is_there else "New policy",
        "/iam/policy/",
        [
            _group(
                "What the user may do",
                "A permission policy of the portal’s own identity. All of them count together.",
                _hidden("arn", form.arn)
                + f"<p>{code(form.arn)}</p>"
                + _line("name", form.name, unfit, "", " readonly" if is_there else "")
                + _area("policy", form.policy, unfit, rows=16, hint="Empty it to delete it."),
            )
        ],
        is_saved=is_saved,
        unfit=unfit,
    )


def _form_page(
    title: str, action: str, groups: list[str], *, is_saved: bool, unfit: Unfit | None
) -> str:
    return framed(
        title,
        f"""<nav class="crumbs" aria-label="Where you are"><a href="/iam/">IAM</a><span
aria-hidden="true">/</span>{escape(title)}</nav>
<div class="page-head"><h1>{escape(title)}</h1></div>
<div class="stack">{_said(is_saved, unfit)}
<form method="post" action="{action}" class="card" autocomplete="off">
<div class="groups">
{"".join(groups)}
</div>
<div class="form-foot"><button class="button primary" type="submit">Save</button>
<a class="button plain" href="/iam/">Back to IAM</a></div>
</form></div>""",
        kind="page",
    )


def _said(is_saved: bool, unfit: Unfit | None) -> str:
    if unfit:
        return (
            f'<div class="notice" data-state="danger" role="alert">{icon("warning")}'
            f'<p><b>Nothing is saved.</b> <a href="#{unfit.field}">{LABELS[unfit.field]}</a>: '
            f"{escape(unfit.sentence)}</p></div>"
        )
    if is_saved:
        return (
            f'<div class="notice" data-state="ok" role="status">{icon("check")}'
            "<p><b>Saved.</b> It counts from the next call on.</p></div>"
        )
    return ""


def _group(title: str, sentence: str, fields: str) -> str:
    return (
        f'<div class="group"><div><h2>{title}</h2><p>{sentence}</p></div>'
        f'<div class="stack">{fields}</div></div>'
    )


def _line(name: str, value: str, unfit: Unfit | None, hint: str, more: str = "") -> str:
    return _field(
        name,
        f'<input id="{name}" name="{name}" value="{escape(value)}" required spellcheck="false"'
        f"{more}{_marks(name, unfit, hint)}>",
        unfit,
        hint,
    )


def _area(name: str, value: str, unfit: Unfit | None, *, rows: int, hint: str = "") -> str:
    # A browser takes the first line break after the tag away.
    return _field(
        name,
        f'<textarea id="{name}" name="{name}" rows="{rows}" spellcheck="false"'
        f"{_marks(name, unfit, hint)}>\n{escape(value)}</textarea>",
        unfit,
        hint,
    )


def _field(name: str, control: str, unfit: Unfit | None, hint: str) -> str:
    parts = [f'<div class="field"><label for="{name}">{LABELS[name]}</label>', control]
    if unfit and unfit.field == name:
        parts.append(
            f'<p class="error" id="{name}_error">{icon("warning")}{escape(unfit.sentence)}</p>'
        )
    if hint:
        parts.append(f'<small id="{name}_hint">{hint}</small>')
    return "".join([*parts, "</div>"])


def _marks(name: str, unfit: Unfit | None, hint: str) -> str:
    """Return the attributes that say what belongs to a field, and whether it is wrong."""
    is_wrong = unfit is not None and unfit.field == name
    about = [f"{name}_error"] * is_wrong + [f"{name}_hint"] * bool(hint)
    described = f' aria-describedby="{" ".join(about)}"' if about else ""
    return described + ' aria-invalid="true"' * is_wrong


def _partition(chosen: str, unfit: Unfit | None) -> str:
    options = "".join(
        f"<option{' selected' if name == chosen else ''}>{name}</option>" for name in CONSOLE_HOSTS
    )
    marks = _marks("partition", unfit, "")
    control = f'<select id="partition" name="partition"{marks}>{options}</select>'
    return _field("partition", control, unfit, "")


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _query(**words: str) -> str:
    return escape(urlencode(words))
