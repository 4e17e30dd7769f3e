"""What keeps the directory from answering; ``door`` turns it into what a person is told."""


class NoServerAnswers(Exception):
    """No server of the directory did what it is there for; the text is for the log."""


class NoImmutableId(Exception):
    """The directory shows the portal neither entryUUID nor objectGUID."""
