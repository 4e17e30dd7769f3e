"""Whether the database server has a connection for each thread that will serve.

Each thread keeps one. Who finds none left would learn it in the middle of a launch, so it is
asked before anything is served.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from portal.env import SettingsProblem

CONNECTIONS_FOR_COMMANDS = 3
"""Kept free for ``./run manage``, a migration and the next server's start."""


@dataclass(frozen=True)
class Room:
    """How many connections a role may have at once, and which limit says so."""

    connections: int
    limit: str


def require_room() -> None:
    """Raise SettingsProblem when workers × threads need more connections than there may be."""
    if connection.vendor != "postgresql":
        return
    room = _room()
    serving = room.connections - CONNECTIONS_FOR_COMMANDS
    workers, threads = settings.WEB_CONCURRENCY, settings.PORTAL_THREADS
    if workers * threads > serving:
        raise SettingsProblem(
            f"WEB_CONCURRENCY is {workers} and PORTAL_THREADS is {threads}, which make "
            f"{workers * threads} connections to the database; {room.limit} allows "
            f"{room.connections}, of which {CONNECTIONS_FOR_COMMANDS} are for commands: "
            f"WEB_CONCURRENCY × PORTAL_THREADS may be at most {max(serving, 0)}."
        )


def _room() -> Room:
    with connection.cursor() as cursor:
        # What is reserved for others than us; the second setting is there from version 16 on.
        cursor.execute(
            """
            SELECT current_setting('max_connections')::int
                     - current_setting('superuser_reserved_connections')::int
                     - coalesce(current_setting('reserved_connections', true), '0')::int,
                   (SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = current_user),
                   (SELECT datconnlimit FROM pg_catalog.pg_database
                    WHERE datname = current_database())"""
        )
        server, role, database = cursor.fetchone()
    rooms = [Room(server, "the server's max_connections, less what it reserves,")]
    if role >= 0:
        rooms.append(Room(role, "the role's CONNECTION LIMIT"))
    if database >= 0:
        rooms.append(Room(database, "the database's CONNECTION LIMIT"))
    return min(rooms, key=lambda room: room.connections)
