"""STS: AssumeRole, GetFederationToken and GetCallerIdentity, with AWS's limits and refusals."""

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from demo.standin.config import AwsAccount, Config, TrustedRole
from demo.standin.evaluation import Attempt, allows
from demo.standin.messages import NO_STORE, Answer, RepeatedParameter, Request
from demo.standin.parameters import Wish, read_wish
from demo.standin.policies import check_session_policies, packed_policy_size
from demo.standin.refusals import Refusal, access_denied, invalid, not_authorized
from demo.standin.sessions import IssuedSession, Sessions
from demo.standin.signature import Caller, authenticate, unique_id

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
# A session made with a role session's credentials lasts an hour at most (role chaining).
CHAINED_SECONDS = 3600
Result = dict[str, object]


class Sts:
    """The STS of one stand-in."""

    def __init__(self, config: Config, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        self.config = config
        self._sessions = sessions
        self._clock = clock

    def answer(self, request: Request) -> Answer:
        """Answer a signed call in AWS's XML."""
        try:
            wish, result = self._call(request)
        except Refusal as refusal:
            return _refused(refusal)
        request_id = str(uuid.uuid4())
        body = {f"{wish.action}Result": result, "ResponseMetadata": {"RequestId": request_id}}
        return _xml(200, f"{wish.action}Response", body, request_id)

    def _call(self, request: Request) -> tuple[Wish, Result]:
        if request.method != "POST" or request.path != "/":
            raise Refusal("InvalidAction", "Calls are made by POST to /")
        caller = authenticate(request, self.config, self._sessions, self._clock())
        try:
            wish = read_wish(request.parameters)
        except RepeatedParameter as error:
            raise Refusal("MalformedQueryString", str(error)) from None
        _require_enabled_region(caller)
        operations = {
            "AssumeRole": self._assume_role,
            "GetFederationToken": self._get_federation_token,
            "GetCallerIdentity": _get_caller_identity,
        }
        return wish, operations[wish.action](caller, wish)

    def _assume_role(self, caller: Caller, wish: Wish) -> Result:
        account, role = self._find_role(caller, wish)
        _require_trust(caller, role, account, wish)
        _require_length_of_role(caller, role, wish)
        session = self._role_session(caller, role, account, wish)
        result = self._issue(session)
        result["AssumedRoleUser"] = {"AssumedRoleId": session.user_id, "Arn": session.arn}
        if session.source_identity:
            result["SourceIdentity"] = session.source_identity
        return result

    def _role_session(
        self, caller: Caller, role: TrustedRole, account: AwsAccount, wish: Wish
    ) -> IssuedSession:
        name = wish.text("RoleSessionName")
        return IssuedSession(
            method="assume_role",
            account_id=account.account_id,
            partition=account.partition,
            arn=account.sts_arn(f"assumed-role/{role.name.split('/')[-1]}/{name}"),
            user_id=f"{unique_id('AROA', wish.text('RoleArn'))}:{name}",
            session_name=name,
            issued=self._now(),
            expiration=self._end(wish),
            role_name=role.name,
            chained=caller.session is not None,
            source_identity=_source_identity(caller, wish),
            session_policy=wish.text("Policy"),
            policy_arns=wish.policy_arns,
            tags=_tags_with_inherited(caller, wish),
            transitive_tag_keys=(*wish.transitive_tag_keys, *_inherited_tags(caller)),
        )

    def _get_federation_token(self, caller: Caller, wish: Wish) -> Result:
        _require_federation(caller, wish)
        account, name = caller.account, wish.text("Name")
        session = IssuedSession(
            method="federation_token",
            account_id=account.account_id,
            partition=account.partition,
            arn=account.sts_arn(f"federated-user/{name}"),
            user_id=f"{account.account_id}:{name}",
            session_name=name,
            issued=self._now(),
            expiration=self._end(wish),
            user_name=caller.arn.partition(":user/")[2],
            session_policy=wish.text("Policy"),
            policy_arns=wish.policy_arns,
            tags=wish.tags,
        )
        result = self._issue(session)
        result["FederatedUser"] = {"FederatedUserId": session.user_id, "Arn": session.arn}
        return result

    def _issue(self, session: IssuedSession) -> Result:
        policy, arns, tags = session.session_policy, session.policy_arns, session.tags
        check_session_policies(policy, arns, session.account_id)
        result: Result = {}
        if policy or arns or tags:
            result["PackedPolicySize"] = packed_policy_size(policy, arns, tags)
        self._sessions.keep(session)
        result["Credentials"] = {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": session.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return result

    def _find_role(self, caller: Caller, wish: Wish) -> tuple[AwsAccount, TrustedRole]:
        """Return the role; one that does not exist is refused like one that does not trust."""
        arn = wish.text("RoleArn")
        found = re.fullmatch(r"arn:([a-z-]+):iam::(\d{12}):role/(.+)", arn, re.ASCII)
        if not found:
            raise invalid(f"{arn} is invalid")
        account = self.config.accounts_by_id.get(found[2])
        role = account.roles_by_name.get(found[3]) if account else None
        if account is None or role is None or account.partition != found[1]:
            raise not_authorized(caller.arn, "sts:AssumeRole", arn)
        return account, role

    def _end(self, wish: Wish) -> datetime:
        return self._now() + timedelta(seconds=wish.duration_seconds)

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)


def _get_caller_identity(caller: Caller, wish: Wish) -> Result:
    return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account.account_id}


def _require_enabled_region(caller: Caller) -> None:
    if caller.region in caller.account.disabled_regions:
        raise Refusal(
            "RegionDisabledException",
            f"STS is not activated in this region for account:{caller.account.account_id}. Your "
            "account administrator can activate STS in this region using the IAM Console.",
            403,
        )


def _require_trust(caller: Caller, role: TrustedRole, account: AwsAccount, wish: Wish) -> None:
    arn = wish.text("RoleArn")
    if caller.account.partition != account.partition:
        raise not_authorized(caller.arn, "sts:AssumeRole", arn)
    _require_allowed(caller, "sts:AssumeRole", arn, _trusts(caller, role, "sts:AssumeRole", wish))
    if "SerialNumber" in wish.texts or "TokenCode" in wish.texts:
        raise access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
    wanted = {
        "sts:TagSession": bool(_tags_with_inherited(caller, wish)),
        "sts:SetSourceIdentity": bool(_source_identity(caller, wish)),
    }
    for action in (action for action, is_wanted in wanted.items() if is_wanted):
        _require_allowed(caller, action, arn, _trusts(caller, role, action, wish))


def _trusts(caller: Caller, role: TrustedRole, action: str, wish: Wish) -> bool:
    """Whether the role's trust lets the caller do that."""
    if role.trust_policy:
        # AWS knows the external id in a call to AssumeRole only, not in what rides along.
        context = {**caller.context, "sts:RoleSessionName": wish.text("RoleSessionName")}
        if action == "sts:AssumeRole" and "ExternalId" in wish.texts:
            context["sts:ExternalId"] = wish.text("ExternalId")
        attempt = Attempt(action, wish.text("RoleArn"), _names(caller), context)
        return allows(role.trust_policy, attempt)
    return {
        "sts:AssumeRole": role.external_id in ("", wish.text("ExternalId"))
        and not {"*", *_names(caller)}.isdisjoint(role.trusted),
        "sts:TagSession": role.allows_tag_session,
        "sts:SetSourceIdentity": role.allows_set_source_identity,
    }[action]


def _names(caller: Caller) -> set[str]:
    """Return what a trust policy may call the caller by."""
    names = {caller.arn, caller.account.iam_arn("root"), caller.account.account_id}
    if caller.session and caller.session.role_name:
        names.add(caller.account.iam_arn(f"role/{caller.session.role_name}"))
    return names


def _require_allowed(caller: Caller, action: str, resource: str, by_target: bool) -> None:
    if caller.policy:
        is_allowed = allows(caller.policy, Attempt(action, resource, context=caller.context))
    else:
        is_allowed = action in caller.allowed
    if not (by_target and is_allowed):
        raise not_authorized(caller.arn, action, resource)


def _require_length_of_role(caller: Caller, role: TrustedRole, wish: Wish) -> None:
    if caller.session and wish.duration_seconds > CHAINED_SECONDS:
        raise invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining"
        )
    if wish.duration_seconds > role.max_session_seconds:
        raise invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )


def _require_federation(caller: Caller, wish: Wish) -> None:
    if caller.session:
        raise access_denied("Cannot call GetFederationToken with session credentials")
    resource = caller.account.sts_arn(f"federated-user/{wish.text('Name')}")
    _require_allowed(caller, "sts:GetFederationToken", resource, by_target=True)
    if wish.tags:
        _require_allowed(caller, "sts:TagSession", resource, by_target=True)


def _source_identity(caller: Caller, wish: Wish) -> str:
    """Return the session's source identity: once set it goes along a chain and cannot change."""
    wished = wish.text("SourceIdentity")
    inherited = caller.session.source_identity if caller.session else ""
    if wished.lower().startswith("aws:"):
        raise invalid("SourceIdentity must not begin with aws:")
    if inherited and wished not in ("", inherited):
        raise not_authorized(caller.arn, "sts:SetSourceIdentity", wish.text("RoleArn"))
    return wished or inherited


def _inherited_tags(caller: Caller) -> Mapping[str, str]:
    if caller.session is None:
        return {}
    tags = caller.session.tags
    return {key: tags[key] for key in caller.session.transitive_tag_keys}


def _tags_with_inherited(caller: Caller, wish: Wish) -> Mapping[str, str]:
    inherited = _inherited_tags(caller)
    if inherited.keys() & wish.tags.keys():
        raise invalid("One of the specified transitive tag keys can't be set because it is in use.")
    return {**inherited, **wish.tags}


def _refused(refusal: Refusal) -> Answer:
    request_id = str(uuid.uuid4())
    error = {"Type": "Sender", "Code": refusal.code, "Message": refusal.message}
    body = {"Error": error, "RequestId": request_id}
    return _xml(refusal.status, "ErrorResponse", body, request_id)


def _xml(status: int, root: str, content: Mapping[str, object], request_id: str) -> Answer:
    body = f'<{root} xmlns="{NAMESPACE}">{_elements(content)}</{root}>\n'
    return Answer(status, body.encode(), "text/xml", {**NO_STORE, "x-amzn-RequestId": request_id})


def _elements(content: Mapping[str, object]) -> str:
    return "".join(
        f"<{name}>{_elements(value) if isinstance(value, dict) else escape(str(value))}</{name}>"
        for name, value in content.items()
    )
