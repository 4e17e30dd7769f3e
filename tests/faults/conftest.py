"""The shared fixtures of the room for AWS."""

from tests.faults.fixtures import *  # noqa: F403 - fixtures are found by their names
