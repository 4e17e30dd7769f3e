"""The HTML of the stand-in's console: a travel pass in the product's own look, and its frame."""

from collections.abc import Iterator
from datetime import datetime
from html import escape
from urllib.parse import urlsplit

from demo.standin.config import AwsAccount
from demo.standin.partitions import city, region_of_console_url
from demo.standin.sessions import IssuedSession, Visit

ENVIRONMENTS = ("production", "staging", "development", "sandbox")
SERVICES = {
    "apigateway": "API Gateway",
    "athena": "Athena",
    "billing": "Billing",
    "cloudtrailv2": "CloudTrail",
    "cloudwatch": "CloudWatch",
    "codepipeline": "CodePipeline",
    "codesuite": "Developer Tools",
    "cost-management": "Cost Management",
    "cloudtrail": "CloudTrail",
    "dynamodbv2": "DynamoDB",
    "glue": "Glue",
    "lambda": "Lambda",
    "states": "Step Functions",
    "systems-manager": "Systems Manager",
}


def visit_page(visit: Visit, account: AwsAccount, now: datetime) -> str:
    """Return the page of somebody who came in."""
    environment = account.environment if account.environment in ENVIRONMENTS else "other"
    badge = (
        f'<span class="env" data-env="{environment}">{icon("env-" + environment)}'
        f"{escape(_capital(account.environment))}</span>"
        if account.environment
        else ""
    )
    facts = "\n".join(
        f'<dt>{term}</dt><dd id="{name}">{value}</dd>'
        for name, term, value in _facts(visit, account, now)
    )
    return framed(
        "Local stand-in, not AWS",
        f"""<article class="pass" data-env="{environment}" aria-labelledby="pt">
<header><span class="hole" aria-hidden="true"></span>
<p class="small quiet">Pass checked at the gate</p>
<h1 id="pt">{_headline(visit.session)}</h1>
{badge}</header>
<dl class="facts">
{facts}
</dl>
<footer class="stack"><p class="small quiet">With a real account you would now stand in the AWS
console on this page. The sign-in token was checked as AWS checks it, and is used up.</p>
{_ways_back(visit.issuer)}</footer>
</article>""",
    )


def message_page(sentence: str, issuer: str = "") -> str:
    """Return a page that says one sentence and the way back."""
    return framed(
        sentence,
        f"""<article class="pass" aria-labelledby="pt">
<header><span class="hole" aria-hidden="true"></span><h1 id="pt">{escape(sentence)}</h1></header>
<footer class="stack"><p class="small quiet">Open the role again from Sekisho.</p>
{_ways_back(issuer)}</footer>
</article>""",
    )


def framed(title: str, main: str, kind: str = "page page-narrow") -> str:
    """Return a whole page around its main part, which is HTML; ``kind`` are main's classes."""
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="auto">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{escape(title)} · Sekisho</title>
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/css/tokens.css">
<link rel="stylesheet" href="/static/css/base.css">
<link rel="stylesheet" href="/static/css/components.css">
</head>
<body class="standin">
<header class="stripe"><b>Local stand-in. Not AWS.</b>
<span>The demo stops here: no account, no charge, nothing leaves this computer.</span></header>
<main id="main" class="{kind}">
{main}
</main>
</body>
</html>
"""


def _headline(session: IssuedSession) -> str:
    role = session.role_name.split("/")[-1] or "a federated user"
    return escape(f"{_capital(session.session_name)} may enter as {role}")


def _facts(visit: Visit, account: AwsAccount, now: datetime) -> Iterator[tuple[str, str, str]]:
    """Yield each fact as its id, its term and its value in HTML."""
    session = visit.session
    yield "account", "Account", account_lines(account)
    if session.role_name:
        yield "role", "Role", escape(session.role_name)
    yield from _person(session)
    yield "arn", "Identity", code(session.arn)
    yield "region", "Region", _region(visit.destination)
    yield "destination", "Destination", _destination(visit.destination)
    yield "until", "Until", _until(visit.until, now)
    if session.session_policy or session.policy_arns or session.method == "federation_token":
        yield "policy", "Limited by", _limits(session)
    for number, (key, value) in enumerate(session.tags.items(), start=1):
        yield f"tag-{number}", escape(_capital(key)), escape(value)


def account_lines(account: AwsAccount) -> str:
    """Return an account's name, if it has one, with its number below."""
    number = account_number(account)
    return f"<b>{escape(account.name)}</b><br>{number}" if account.name else number


def account_number(account: AwsAccount) -> str:
    """Return an account's 12 digits in groups."""
    digits = account.account_id
    groups = "".join(f"<span>{digits[start : start + 4]}</span>" for start in (0, 4, 8))
    return f'<span class="number">{groups}</span>'


def _person(session: IssuedSession) -> Iterator[tuple[str, str, str]]:
    same = session.source_identity == session.session_name
    names = "session name and source identity" if same else "session name"
    note = f'<span class="faint small">({names})</span>'
    yield "person", "Person", f"{escape(session.session_name)} {note}"
    if session.source_identity and not same:
        yield "source-identity", "Source identity", escape(session.source_identity)


def _region(destination: str) -> str:
    region = region_of_console_url(destination)
    return ", ".join(part for part in (city(region), region) if part) or "None chosen"


def _destination(destination: str) -> str:
    parts = urlsplit(destination)
    service = parts.path.strip("/").split("/")[0]
    path = destination.removeprefix(f"{parts.scheme}://{parts.netloc}")
    if service in ("", "console"):
        return f"Console home {code(path)}" if path.strip("/") else "Console home"
    # The console's short names are initials: S3, SQS, EC2.
    name = SERVICES.get(service, service.upper() if len(service) < 4 else _capital(service))
    return f"{escape(name)} {code(path)}"


def _until(until: datetime, now: datetime) -> str:
    local = until.astimezone()
    day = "" if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d} "
    moment = (
        f'<time datetime="{local.isoformat(timespec="seconds")}">{day}{local:%H:%M:%S %Z}</time>'
    )
    return f"{moment}, {_length(round((until - now).total_seconds() / 60))} from now"


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" * (hours > 0), f"{rest} min" * (rest > 0)) if part
    )


def _limits(session: IssuedSession) -> str:
    limits = [code(arn) for arn in session.policy_arns]
    if session.session_policy:
        limits.insert(0, "A session policy")
    return "<br>".join(limits) or "No session policy: this session may do nothing"


def _ways_back(issuer: str) -> str:
    if not issuer:
        return ""
    history = f"{issuer.rstrip('/')}/history/"
    return f"""<div class="row">
<a class="button primary" href="{escape(issuer)}">{icon("arrow-left")}Back to Sekisho</a>
<a class="button plain" href="{escape(history)}">See it in your history</a></div>"""


def icon(name: str) -> str:
    """Return one of the product's icons, for the eye only."""
    address = f"/static/icons.svg#{name}"
    return f'<svg class="icon" aria-hidden="true"><use href="{address}"/></svg>'


def code(text: str) -> str:
    """Return a text as something of a machine's."""
    return f'<code class="small">{escape(text)}</code>'


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
