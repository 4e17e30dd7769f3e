"""A strict local stand-in for AWS: STS, the sign-in federation endpoint and a console page.

It refuses what AWS refuses, so that a demo or a test that works here has a fair chance of working
there. It keeps everything in memory, listens on loopback only and calls nobody.
"""

from demo.standin.config import AwsAccount, Config, ConfigError, IamUser, TrustedRole
from demo.standin.server import SeenRequest, StandIn

__all__ = [
    "AwsAccount",
    "Config",
    "ConfigError",
    "IamUser",
    "SeenRequest",
    "StandIn",
    "TrustedRole",
]
