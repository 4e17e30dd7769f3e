"""What a person is told when the directory cannot be made use of, or not for them."""

from accounts.errors import gettext_noop
from portal.errors import DirectoryUnavailable

_IN_SECONDS = gettext_noop("Try again in a few seconds.")
_IN_A_MINUTE = gettext_noop("Try again in a minute; if it stays so, tell an administrator.")


def away(log: str) -> DirectoryUnavailable:
    """Say that the directory does not answer; that is nobody's password's fault."""
    message = gettext_noop("The directory that knows people and passwords does not answer.")
    return _later(log, message, _IN_A_MINUTE, lets_known_go_on=True)


def too_old(username: str, cause: str) -> DirectoryUnavailable:
    """Say the same to somebody of whom nothing is known that is young enough."""
    message = gettext_noop(
        "The directory does not answer, and what the portal knows of you is too old."
    )
    return _later(f"what is known of {username!r} is too old: {cause}", message, _IN_A_MINUTE)


def changes_wait(username: str, cause: str) -> DirectoryUnavailable:
    """Say that nothing is changed by whoever may be in groups that the portal knows nothing of."""
    return _later(
        f"the groups of {username!r} could not be read before a change: {cause}",
        gettext_noop(
            "The directory does not answer, and before each change the portal asks it which groups "
            "you are in."
        ),
        gettext_noop("Try again in a minute, or ask a superuser to make this change."),
        code="ChangesWait",
    )


def crowded() -> DirectoryUnavailable:
    """Say that as many as may wait for the directory, or may for one name, already do."""
    message = gettext_noop("Too many people wait for the directory at the moment.")
    return _later("as many as may wait for the directory already do", message, _IN_SECONDS)


def being_read(username: str) -> DirectoryUnavailable:
    """Say that another request is reading the person, and that enough wait for it."""
    message = gettext_noop("The portal is still asking the directory about you.")
    log = f"{username!r} is being read, and as many requests wait for it as may"
    return _later(log, message, _IN_SECONDS, code="BeingRead")


def too_slow(log: str) -> DirectoryUnavailable:
    """Say that the directory is there and does not tell all of one person in time."""
    message = gettext_noop("The directory takes longer to tell of this name than the portal waits.")
    log = f"the directory is there and does not tell all of one person in time: {log}"
    return _later(log, message, _IN_A_MINUTE, code="PersonTooSlow")


def unreadable(log: str) -> DirectoryUnavailable:
    """Say that what the directory has of one person is more than the portal reads."""
    return _in_vain(
        "PersonUnreadable",
        f"what the directory has of one person is more than the portal reads: {log}",
        gettext_noop("The directory has more to say of this name than the portal reads."),
        gettext_noop("Ask an administrator of the directory to look at its entry."),
    )


def without_id(log: str) -> DirectoryUnavailable:
    """Say that the directory shows no immutable id."""
    return _in_vain(
        "NoImmutableId",
        f"{log}: let the portal's bind DN read it; without it nobody can be told from another",
        gettext_noop("The directory does not tell the portal who you are for certain."),
        gettext_noop(
            "Tell an administrator: the portal must be allowed to read entryUUID or objectGUID."
        ),
        status=500,
    )


def without_denied_group(log: str) -> DirectoryUnavailable:
    """Say that the denied group is not there, so that nobody can be told to be outside it."""
    return _in_vain(
        "NoDeniedGroup",
        f"{log}: nobody can be told to be outside it",
        gettext_noop("The directory lacks the group whose members may not sign in."),
        gettext_noop(
            "Tell an administrator: AUTH_LDAP_DENY_GROUP must name a group that is there."
        ),
        status=500,
        lets_known_go_on=True,
    )


def off(username: str) -> DirectoryUnavailable:
    """Say that no directory is set any more."""
    return _in_vain(
        "NoDirectory",
        f"{username!r} is a directory person, and no directory is set",
        gettext_noop("The portal no longer asks the directory that knows you."),
        gettext_noop("Ask an administrator to connect it again."),
    )


def _later(
    log: str, message: str, next_step: str, code: str = "", *, lets_known_go_on: bool = False
) -> DirectoryUnavailable:
    return DirectoryUnavailable(
        log=log,
        message=message,
        next_step=next_step,
        code=code,
        lets_known_go_on=lets_known_go_on,
    )


def _in_vain(
    code: str,
    log: str,
    message: str,
    next_step: str,
    *,
    status: int = 503,
    lets_known_go_on: bool = False,
) -> DirectoryUnavailable:
    """Say what trying again does not help against."""
    return DirectoryUnavailable(
        log=log,
        message=message,
        next_step=next_step,
        code=code,
        status=status,
        retry_makes_sense=False,
        retry_after=None,
        lets_known_go_on=lets_known_go_on,
    )
