"""What sign-in keeps in the database."""

from portal.signin.throttle import SignInThrottle

__all__ = ["SignInThrottle"]
