"""One attempt at a call of STS through botocore, and what its failure means."""

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from portal.aws import failures, refusals, source_failures
from portal.aws.plan import SourceSettings
from portal.aws.retrying import Again, retry_after_seconds
from portal.errors import UpstreamError

T = TypeVar("T")

Explained = Callable[[str, int, str], UpstreamError]
"""From AWS's error code, the HTTP status and AWS's own sentence to our error."""


def outcome(
    call: Callable[[], T], source: SourceSettings, explained: Explained
) -> T | Again | UpstreamError:
    """What ``call`` returns, or what its failure means.

    Returned and raised outside, so that no error has a context: botocore's parser quotes AWS's
    answer, secrets too, and its other errors quote addresses.
    """
    try:
        return call()
    except (Again, UpstreamError) as error:
        return error
    except ClientError as error:
        return _refused(error, explained)
    except BotoCoreError as error:
        return source_failures.source_trouble(source, type(error).__name__)
    except Exception as error:  # noqa: BLE001 - whatever a parser raises means the same
        return failures.unreadable("STS", type(error).__name__)


def _refused(error: ClientError, explained: Explained) -> Again | UpstreamError:
    said = error.response.get("Error", {})
    about = error.response.get("ResponseMetadata", {})
    code = str(said.get("Code", "Unknown"))
    status = int(about.get("HTTPStatusCode", 0))
    failure = explained(code, status, str(said.get("Message", "")))
    if not refusals.is_busy(code, status):
        return failure
    pause = retry_after_seconds(about.get("HTTPHeaders", {}).get("retry-after", ""))
    return Again(failure, retry_after=pause)
