"""The portal behind nginx, and people who come from addresses of their own."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.proxy.nginx import Nginx, nginx_before
from tests.served import Served, free_port, served_portal

# nginx connects from 127.0.0.1; everything else in 127/8 is somebody else.
PROXY = "127.0.0.1"


@dataclass(frozen=True)
class Behind:
    """A portal and the nginx before it; both are reachable, as on one host."""

    portal: Served
    nginx: Nginx

    @property
    def portal_port(self) -> int:
        return int(self.portal.environment["PORT"])

    @property
    def database(self) -> str:
        return self.portal.environment["DATABASE_URL"].removeprefix("sqlite:///")


@pytest.fixture(scope="session")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """The demo organisation behind nginx, for a whole run: leave it as you found it."""
    port = free_port()
    folder = tmp_path_factory.mktemp("behind")
    url = f"https://localhost:{port}"
    with (
        served_portal(folder, PORTAL_URL=url, PORTAL_TRUSTED_PROXIES=PROXY) as portal,
        nginx_before(
            f"127.0.0.1:{portal.environment['PORT']}", tmp_path_factory.mktemp("nginx"), port
        ) as nginx,
    ):
        yield Behind(portal, nginx)
