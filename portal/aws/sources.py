"""How the broker itself gets credentials: sessions and clients, made once, shared by threads."""

import threading
from collections.abc import Iterator, Mapping
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialResolver, Credentials
from botocore.exceptions import BotoCoreError

from accounts.aws_rules import partitions
from portal.aws import identity, source_failures
from portal.aws.broker_credentials import BrokerCredentials, Held
from portal.aws.budget import Budget
from portal.aws.identity import Identity
from portal.aws.plan import SourceSettings
from portal.aws.transport import Transport, answer_botocore
from portal.errors import ConfigurationProblem

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

_REGION = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
"""Where a session's region comes from; botocore alone would not look at AWS_REGION."""

_ONE_ATTEMPT = Config(retries={"total_max_attempts": 1, "mode": "standard"})
"""Retries are ours: they have to fit into the launch's budget."""

_SHORT_WAITS = Config(connect_timeout=3, read_timeout=5)
"""For what botocore asks on its own behalf to get the broker's credentials."""


class Sources:
    """All credential sources of one process."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._brokers: dict[SourceSettings, Broker] = {}

    def is_chained(self, source: SourceSettings, budget: Budget) -> bool:
        """Whether roles entered through ``source`` count as role chaining: an hour at most.

        Follows the credentials that the source has at this moment. Raises ConfigurationProblem
        without any, AwsUnavailable (504) when they do not come within the budget.
        """
        return self.broker(source).credentials.current(budget).chained

    def is_at_hand(self, source: SourceSettings) -> bool:
        """Whether the source's credentials can be used without a wait."""
        broker = self._brokers.get(source)
        return broker is not None and broker.credentials.at_hand

    def sought_for(self, source: SourceSettings) -> float:
        """For how many seconds the source's credentials have been searched for in vain."""
        broker = self._brokers.get(source)
        return broker.credentials.sought_for if broker else 0

    def identity(self, source: SourceSettings) -> Identity | None:
        """Who the source is to AWS, where that is known of the credentials in use."""
        broker = self._brokers.get(source)
        return broker.identity if broker else None

    def partition(self, source: SourceSettings) -> str:
        """The partition of the source's credentials; empty where nothing tells it.

        AWS's own word counts, else the region of the source's profile. AWS is not asked.
        """
        if known := self.identity(source):
            return known.partition
        try:
            return partitions.partition_of_region(self.broker(source).profile_region)
        except ConfigurationProblem:
            return ""

    def has_temporary(self, source: SourceSettings) -> bool:
        """Whether the source's credentials, as far as they are at hand, have a session token."""
        broker = self._brokers.get(source)
        return broker is not None and broker.credentials.has_token

    def find_identity(self, source: SourceSettings, partition: str, budget: Budget) -> Identity:
        """Ask AWS, in that partition, who the source is, and keep the answer.

        Raises ConfigurationProblem, AwsRefused, AwsUnavailable.
        """
        return self.broker(source).find_identity(partition, budget)

    def broker(self, source: SourceSettings) -> "Broker":
        """The broker for ``source``, made at the first call. Raises ConfigurationProblem."""
        if source not in self._brokers:
            with self._lock:
                if source not in self._brokers:
                    self._brokers[source] = _made(source, self._transport)
        return self._brokers[source]


class Broker:
    """One source's session, credentials and STS clients."""

    def __init__(self, source: SourceSettings, transport: Transport) -> None:
        core = _session(source)
        self.source = source
        self.credentials = BrokerCredentials(source, partial(_search, source))
        core.register_component("credential_provider", _Found(self.credentials))
        self.region: str = core.get_config_variable("region") or ""
        # Of the profile alone: what the environment says holds for every source.
        own = core.get_scoped_config() if source.profile else {}
        self.profile_region = str(own.get("region") or "")
        self._session = boto3.Session(botocore_session=core)
        bundle = core.get_config_variable("ca_bundle") or ""
        # botocore's stubs know of no handler that answers, though this event is made for it.
        self._send = cast(Any, partial(answer_botocore, transport, bundle))
        self._lock = threading.Lock()
        self._clients: dict[str, STSClient] = {}
        self._identity: tuple[Held, Identity] | None = None

    @property
    def identity(self) -> Identity | None:
        """Who the holder of the credentials in use is; None where nobody has asked for them."""
        known = self._identity
        return known[1] if known and self.credentials.is_same_holder(known[0]) else None

    def find_identity(self, partition: str, budget: Budget) -> Identity:
        """Ask AWS who the holder of the current credentials is."""
        held = self.credentials.current(budget)
        found = identity.ask(self.sts(partition), self.source, partition, held, budget)
        self._identity = (held, found)
        return found

    def sts(self, partition: str) -> "STSClient":
        """The STS client for accounts of ``partition``, made at the first call.

        Raises ConfigurationProblem, and InvalidRequest for a partition that is not served.
        """
        if partition not in self._clients:
            region = self.sts_region(partition)
            with self._lock:
                if partition not in self._clients:
                    self._clients[partition] = self._made_client(region)
        return self._clients[partition]

    def sts_region(self, partition: str) -> str:
        """The source's own region where it belongs to ``partition``, else the partition's default.

        A role's region never counts: it is where the console opens.
        """
        if self.region and partitions.region_belongs(partition, self.region):
            return self.region
        return partitions.partition(partition).default_sts_region

    def _made_client(self, region: str) -> "STSClient":
        failure: ConfigurationProblem
        try:
            client: STSClient = self._session.client("sts", region_name=region, config=_ONE_ATTEMPT)
        except ValueError:
            failure = source_failures.source_trouble(self.source, source_failures.BAD_ENDPOINT)
        except BotoCoreError as error:
            failure = source_failures.source_trouble(self.source, type(error).__name__)
        else:
            # On this client alone: botocore's own calls for credentials know no budget.
            client.meta.events.register("before-send.sts", self._send)
            return client
        raise failure


class _Found:
    """Stands where botocore keeps its search for credentials, so that it signs with ours."""

    def __init__(self, credentials: BrokerCredentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials:
        return self._credentials


def _session(source: SourceSettings) -> botocore.session.Session:
    """botocore's view of the environment and the shared configuration as they are now.

    Raises ConfigurationProblem for an address without TLS, ProfileNotFound.
    """
    core = botocore.session.Session(
        profile=source.profile or None, session_vars={"region": _REGION}
    )
    core.set_default_client_config(_SHORT_WAITS)
    if not all(_is_safe(url) for url in _endpoints(core)):
        raise source_failures.source_trouble(source, source_failures.INSECURE_ENDPOINT)
    return core


def _search(source: SourceSettings) -> Credentials | None:
    # A session reads its files once, so each search has a session of its own.
    resolver: CredentialResolver = _session(source).get_component("credential_provider")
    return resolver.load_credentials()


def _endpoints(core: botocore.session.Session) -> Iterator[str]:
    """Yield the addresses of services that the profile names."""
    profile = core.get_scoped_config()
    services = core.full_config.get("services", {}).get(profile.get("services", ""), {})
    for section in (profile, *services.values()):
        if isinstance(section, Mapping) and section.get("endpoint_url"):
            yield str(section["endpoint_url"])


def _is_safe(url: str) -> bool:
    """Whether nobody on the way can read along: https, or this machine itself."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        return True
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _made(source: SourceSettings, transport: Transport) -> Broker:
    failure: ConfigurationProblem
    try:
        return Broker(source, transport)
    except ConfigurationProblem:
        raise
    except (BotoCoreError, ValueError) as error:
        failure = source_failures.source_trouble(source, type(error).__name__)
    raise failure
