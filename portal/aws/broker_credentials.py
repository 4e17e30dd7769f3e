"""The broker's own credentials, current and never waited for beyond a launch's budget.

botocore fetches and refreshes credentials in the thread that happens to need them, and a metadata
service or a credential process may hang there. Here one thread of its own fetches them for all who
wait, and credentials that are still good are used while newer ones are fetched.
"""

import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
)

from portal.aws import failures, refusals, source_failures
from portal.aws.background import in_background
from portal.aws.budget import Budget
from portal.aws.plan import SourceSettings
from portal.errors import UpstreamError

INSTANCE_METADATA = "iam-role"
"""botocore's name for credentials of an EC2 instance profile."""
LAST_SECONDS = 60
"""Credentials with less left than this are not used any more."""


@dataclass(frozen=True)
class Held:
    """Credentials as they were fetched. ``origin`` tells how much of their life is left."""

    frozen: ReadOnlyCredentials = field(repr=False)
    method: str
    origin: Credentials = field(repr=False)

    @property
    def chained(self) -> bool:
        """Whether AWS counts a role assumed with these as role chaining (aws.md's reading)."""
        return bool(self.frozen.token) and self.method != INSTANCE_METADATA

    @property
    def spent(self) -> bool:
        """Whether they end too soon to be used."""
        return _ends_within(self.origin, LAST_SECONDS)

    @property
    def ageing(self) -> bool:
        """Whether botocore would like to have newer ones."""
        return _ends_within(self.origin, None)


class BrokerCredentials(Credentials):
    """What botocore signs with, for one source. ``load`` is botocore's own search for them."""

    def __init__(self, source: SourceSettings, load: Callable[[], Credentials | None]) -> None:
        super().__init__("", "", method="broker")
        self._source = source
        self._search = load
        self._lock = threading.Lock()
        self._origin: Credentials | None = None
        self._held: Held | None = None
        self._flight: Future[Held] | None = None
        self._took_off = 0.0

    @property
    def at_hand(self) -> bool:
        """Whether there are some that can be used now."""
        held = self._held
        return held is not None and not held.spent

    @property
    def has_token(self) -> bool:
        """Whether those at hand have a session token, as temporary ones do."""
        held = self._held
        return held is not None and bool(held.frozen.token)

    def is_same_holder(self, other: Held) -> bool:
        """Whether those at hand are ``other`` or what the same origin renewed them to."""
        held = self._held
        return held is not None and (held is other or held.origin is other.origin)

    @property
    def sought_for(self) -> float:
        """Seconds since the search for them began that is still under way; 0 without one."""
        flight = self._flight
        return time.monotonic() - self._took_off if flight and not flight.done() else 0

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """For botocore's signer: the current ones, within the current budget."""
        return self.current(Budget.current()).frozen

    def current(self, budget: Budget) -> Held:
        """The credentials to use now.

        Raises ConfigurationProblem when there are none, AwsUnavailable (504) when they do not come
        within the budget.
        """
        held = self._held
        if held is None or held.spent:
            return self._landed(self._renewal(), budget)
        if held.ageing:
            self._renewal()
        return held

    def replace(self, refused: Held, budget: Budget) -> bool:
        """Search anew after AWS refused ``refused``; whether that found others.

        Files and the environment are read again, so that rotated keys count without a restart.
        """
        with self._lock:
            if self._held is refused:
                self._origin = self._held = self._flight = None
        return self.current(budget).frozen != refused.frozen

    def _renewal(self) -> Future[Held]:
        with self._lock:
            if self._flight is None or self._flight.done():
                self._took_off = time.monotonic()
                self._flight = in_background(self._renew)
            return self._flight

    def _landed(self, flight: Future[Held], budget: Budget) -> Held:
        try:
            failure = flight.exception(timeout=budget.remaining())
        except TimeoutError:
            failure = source_failures.source_too_slow(self._source)
        if failure is None:
            return flight.result()
        # A copy for each who waits: threads must not share one exception's traceback.
        raise dataclasses.replace(failure) if isinstance(failure, UpstreamError) else failure

    def _renew(self) -> Held:
        failure: UpstreamError
        try:
            held = self._fetched()
        except Exception as error:  # noqa: BLE001 - botocore's sources raise whatever they like
            # What they stand on (a profile's keys, a token's file) may be another by now.
            self._origin = None
            failure = _trouble(self._source, error)
        else:
            with self._lock:
                self._held = held
            return held
        raise failure

    def _fetched(self) -> Held:
        origin = self._origin or self._search()
        if origin is None:
            raise NoCredentialsError
        frozen = origin.get_frozen_credentials()
        self._origin = origin
        return Held(frozen, origin.method, origin)


def _ends_within(origin: Credentials, seconds: int | None) -> bool:
    return isinstance(origin, RefreshableCredentials) and origin.refresh_needed(seconds)


def _trouble(source: SourceSettings, error: Exception) -> UpstreamError:
    if isinstance(error, UpstreamError):
        return error
    if isinstance(error, HTTPClientError | EndpointConnectionError):
        return failures.unreachable("a credential service", type(error).__name__)
    if not isinstance(error, ClientError):
        provider = getattr(error, "kwargs", {}).get("provider", "")
        return source_failures.source_trouble(source, type(error).__name__, str(provider))
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if refusals.is_busy(code, status):
        return failures.busy("a credential service", status)
    return source_failures.source_trouble(source, code)
