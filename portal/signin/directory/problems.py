"""What keeps the directory from answering; ``door`` turns it into what a person is told."""


class NoServerAnswers(Exception):
    """No server of the directory did what it is there for; the text is for the log."""


class TooSlow(NoServerAnswers):
    """Servers that are awake did not answer everything about this one person in time.

    They gave up themselves, or one answer after the other came until the time was up.
    """


class UnreadablePerson(Exception):
    """What a server has to say of this one person is more than it may; the text is for the log.

    It says nothing of the server: everybody else can be read.
    """


class NoImmutableId(Exception):
    """The directory shows the portal neither entryUUID nor objectGUID."""


class NoDeniedGroup(Exception):
    """The directory has no group by the name of the denied one; the text is for the log."""
