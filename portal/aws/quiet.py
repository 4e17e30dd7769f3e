"""Loggers of the libraries behind this room that tell secrets, and the level that keeps them quiet.

botocore logs requests, answers and signatures at DEBUG, urllib3 every request's address. With
``SessionDuration`` the address of a sign-in token request holds a secret key, and
``urllib3.connection`` writes it at WARNING when an answer's headers are malformed. The two botocore
loggers below write the traceback of a failed refresh at WARNING, and an unreadable answer is quoted
whole in it.
"""

import logging
from collections.abc import Mapping

SECRET_TELLING_LOGGERS: Mapping[str, str] = {
    "boto3": "INFO",
    "botocore": "INFO",
    "botocore.credentials": "ERROR",
    "botocore.tokens": "ERROR",
    "requests": "INFO",
    "s3transfer": "INFO",
    "urllib3": "INFO",
    "urllib3.connection": "CRITICAL",
}
"""Logger name to the lowest level it may have, whatever the root logger's level is."""


def silence() -> None:
    """Pin those loggers, whoever configured logging before; one that is quieter stays so."""
    levels = logging.getLevelNamesMapping()
    for name, level in SECRET_TELLING_LOGGERS.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(levels[level], logger.getEffectiveLevel()))
