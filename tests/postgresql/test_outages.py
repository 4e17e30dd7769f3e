"""P26, P28, P37: the database is slow, hung, restarted or gone while people are at the portal.

Everybody is told in one sentence, nothing is launched without its row, and nobody restarts
anything by hand.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest
import requests
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

from accounts.database import postgresql
from accounts.database.postgresql.base import Connection, NoAnswerInTime
from tests.faults import upstream as faults
from tests.faults.test_served import GO, Visitor
from tests.faults.upstream import UPSTREAM_SECRETS, Upstream
from tests.postgresql.conftest import Database, copy_of_template, migrate_template, run
from tests.postgresql.server import PASSWORD, Server, running
from tests.served import Served, free_port, served_portal

SENTENCE = "The portal’s database does not answer."
RECORD_SENTENCE = "The portal cannot write its record"
LONGEST_ANSWER_SECONDS = 15
"""The deadline of one statement and of one new connection (8), and patience with the machine."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as started:
        yield started


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that a test may break, if it leaves it running; a crash loses nothing."""
    with running(durable=True) as started:
        migrate_template(started)
        yield started


@pytest.fixture(scope="module")
def database(own_server: Server) -> Database:
    return copy_of_template(own_server)


@pytest.fixture(scope="module")
def portal(
    database: Database, tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> Iterator[Served]:
    """A portal that nobody restarts, whatever becomes of its database; AWS is an upstream."""
    folder = tmp_path_factory.mktemp("portal")
    urls = {
        "AWS_ENDPOINT_URL_STS": upstream.url,
        "PORTAL_FEDERATION_URL": upstream.federation_url,
    }
    with served_portal(
        folder,
        upstream=urls,
        DATABASE_URL=database.url,
        WEB_CONCURRENCY="2",
        PORTAL_THREADS="8",
        PORTAL_LAUNCHES_PER_MINUTE="0",
    ) as served:
        yield served


def get(portal: Served, path: str) -> requests.Response:
    return requests.get(portal.url + path, timeout=20)


def until_ready(portal: Served, seconds: float = 10) -> None:
    """Fails unless the portal serves again by itself."""
    deadline = time.monotonic() + seconds
    while get(portal, "/readyz").status_code != 200:
        assert time.monotonic() < deadline, "it did not recover"
        time.sleep(0.1)


LAUNCHED = 0
PAGES = (
    "/",
    GO,
    "/bookmarks/",
    "/history/",
    "/history/export.csv",
    "/history/export.json",
    "/credentials/payments-dev/Developer/",
)


def is_launched(answer: requests.Response) -> bool:
    """Whether the answer leads to AWS, and not to sign-in."""
    return "/federation?Action=login&" in answer.headers.get("Location", "")


def assert_told(answer: requests.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert SENTENCE in answer.text or RECORD_SENTENCE in answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert not any(secret in answer.text for secret in UPSTREAM_SECRETS)


def test_P37_without_a_database_every_page_says_so_and_comes_back_by_itself(
    portal: Served, own_server: Server
) -> None:
    visitor = Visitor(portal).sign_in("ann")
    own_server.stop()
    for path in PAGES:
        assert_told(visitor.go(path))
    door = visitor.http.post(
        f"{portal.url}/sign-in/",
        {
            "username": "ann",
            "password": "x",
            "csrfmiddlewaretoken": next(
                c.value or "" for c in visitor.http.cookies if c.name == "csrf"
            ),
        },
        timeout=20,
    )
    assert_told(door)
    ready = get(portal, "/readyz")
    assert (ready.status_code, ready.text) == (503, "not ready: the database does not answer\n")
    assert get(portal, "/healthz").status_code == 200
    own_server.start()
    until_ready(portal)
    # The session outlived it, on every thread and worker.
    assert all(is_launched(visitor.go()) for _ in range(20))
    assert portal.manage("audit", "verify").stdout.startswith("ok  ")


def test_P37_a_hung_database_holds_nobody_for_long_and_comes_back_by_itself(
    portal: Served, own_server: Server
) -> None:
    visitors = [Visitor(portal).sign_in("ann") for _ in range(4)]
    with own_server.hung():
        # Whatever asks the database answers 503 meanwhile.
        assert get(portal, "/healthz").status_code == 200
        ready = get(portal, "/readyz")
        assert ready.status_code == 503
        assert ready.elapsed.total_seconds() < LONGEST_ANSWER_SECONDS
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda visitor: visitor.go(), visitors))
        for answer in answers:
            assert_told(answer)
            assert answer.elapsed.total_seconds() < LONGEST_ANSWER_SECONDS
    until_ready(portal)
    assert all(is_launched(visitor.go()) for visitor in visitors)
    assert portal.manage("audit", "verify").stdout.startswith("ok  ")


def test_P26_no_transaction_and_no_lock_is_held_while_aws_is_asked(
    portal: Served, database: Database, upstream: Upstream
) -> None:
    visitor = Visitor(portal).sign_in("ann")
    asked, answer = threading.Event(), threading.Event()
    upstream.sts.append(held(asked, answer))
    with ThreadPoolExecutor(1) as pool:
        launch = pool.submit(visitor.go)
        assert asked.wait(20)
        others = f"datname = '{database.name}' AND pid <> pg_backend_pid()"
        states = database.query(f"SELECT state FROM pg_stat_activity WHERE {others}")
        assert states
        assert {state for (state,) in states} == {"idle"}
        locks = "SELECT relation::regclass::text, mode FROM pg_locks l JOIN pg_stat_activity a"
        assert (
            database.query(f"{locks} USING (pid) WHERE a.{others.replace(' pid', ' a.pid')}") == []
        )
        answer.set()
        assert is_launched(launch.result())


def held(asked: threading.Event, answer: threading.Event) -> Callable[[faults.Conversation], None]:
    """AWS answers well, but only when the test says so."""

    def fault(conversation: faults.Conversation) -> None:
        asked.set()
        assert answer.wait(20)
        faults.well(conversation)

    return fault


def test_P26_when_the_end_cannot_be_written_nothing_is_handed_out(
    portal: Served, own_server: Server, database: Database, upstream: Upstream
) -> None:
    visitor = Visitor(portal).sign_in("ann")
    asked, answer = threading.Event(), threading.Event()
    upstream.sts.append(held(asked, answer))
    with ThreadPoolExecutor(1) as pool:
        launch = pool.submit(visitor.go)
        assert asked.wait(20)
        own_server.kill()
        answer.set()
        refused = launch.result()
    assert_told(refused)
    assert "Location" not in refused.headers
    own_server.start()
    last = "SELECT phase, outcome FROM accounts_entry ORDER BY id DESC LIMIT 1"
    assert database.query(last) == [("opened", "started")]
    until_ready(portal)
    assert portal.manage("audit", "verify").stdout.startswith("ok  ")


def test_P37_a_restart_while_aws_is_asked_is_not_even_noticed(
    portal: Served, own_server: Server, database: Database, upstream: Upstream
) -> None:
    visitor = Visitor(portal).sign_in("ann")
    asked, answer = threading.Event(), threading.Event()
    upstream.sts.append(held(asked, answer))
    with ThreadPoolExecutor(1) as pool:
        launch = pool.submit(visitor.go)
        assert asked.wait(20)
        own_server.stop()
        own_server.start()
        answer.set()
        assert is_launched(launch.result())
    last = "SELECT phase, outcome FROM accounts_entry ORDER BY id DESC LIMIT 1"
    assert database.query(last) == [("closed", "succeeded")]


def test_P37_killed_hung_and_restarted_under_load_loses_no_row_and_launches_nothing_without(
    portal: Served, own_server: Server, database: Database, upstream: Upstream
) -> None:
    visitors = [Visitor(portal).sign_in("ann") for _ in range(6)]
    ended = "SELECT count(*) FROM accounts_entry WHERE action='launch' AND outcome='succeeded'"
    begun = "SELECT count(*) FROM accounts_entry WHERE action='launch' AND phase='opened'"
    ((ended_before,),), ((begun_before,),) = database.query(ended), database.query(begun)
    asked_before = len(upstream.asked_sts)
    stop = threading.Event()

    def keep_launching(visitor: Visitor) -> list[int]:
        seen = []
        while not stop.is_set():
            answer = visitor.go()
            seen.append(LAUNCHED if is_launched(answer) else answer.status_code)
        return seen

    with ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(keep_launching, visitor) for visitor in visitors]
        try:
            for outage in (own_server.kill, own_server.stop):
                until_ready(portal)
                outage()
                own_server.start()
            until_ready(portal)
            with own_server.hung():
                get(portal, "/readyz")
            until_ready(portal)
        finally:
            stop.set()
        statuses = [status for run_ in runs for status in run_.result()]
    assert set(statuses) <= {LAUNCHED, 503}
    assert statuses.count(LAUNCHED) > 0
    assert portal.manage("audit", "verify").stdout.startswith("ok  ")
    # Each person who was let through has a closed row, each question to AWS an opened one.
    assert database.query(ended)[0][0] - ended_before >= statuses.count(LAUNCHED)
    assert database.query(begun)[0][0] - begun_before >= len(upstream.asked_sts) - asked_before


# --- a connection's own patience -------------------------------------------------------------


def test_a_connection_is_given_up_when_the_server_says_nothing(server: Server) -> None:
    words = f"host=127.0.0.1 port={server.port} user={server.user} dbname=postgres"
    connection = Connection.connect(words, password=PASSWORD, autocommit=True)
    connection.longest_wait = 0.5
    began = time.monotonic()
    with pytest.raises(NoAnswerInTime, match=r"no answer within 0.5 s"):
        connection.execute("SELECT pg_sleep(30)")
    assert time.monotonic() - began < 20
    assert connection.is_hung_up()
    connection.close()


@pytest.mark.parametrize("longest_wait", [None, 60])
def test_an_error_while_a_statement_runs_is_not_taken_for_the_end_of_patience(
    server: Server, longest_wait: float | None
) -> None:
    words = f"host=127.0.0.1 port={server.port} user={server.user} dbname=postgres"
    connection = Connection.connect(words, password=PASSWORD, autocommit=True)
    connection.longest_wait = longest_wait
    connection.pgconn.send_query(b"SELECT 1")
    assert connection.pgconn.transaction_status == TransactionStatus.ACTIVE

    def fails() -> PQGen[None]:
        if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
            raise psycopg.OperationalError("something else")
        yield from ()

    with pytest.raises(psycopg.OperationalError, match=r"^something else$"):
        connection.wait(fails())
    assert not connection.closed
    connection.close()


def test_a_connection_that_the_server_ended_is_noticed_without_a_question(server: Server) -> None:
    words = f"host=127.0.0.1 port={server.port} user={server.user} dbname=postgres"
    connection = Connection.connect(words, password=PASSWORD, autocommit=True)
    pid = connection.info.backend_pid
    assert not connection.is_hung_up()
    with server.connect() as other:
        other.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
    assert connection.is_hung_up()
    connection.close()


def test_the_servers_own_limits_are_set_for_people_and_not_for_commands(
    database: Database,
) -> None:
    shown = "import sys; from django.db import connection as c; k = c.cursor(); "
    shown += "k.execute('SHOW statement_timeout'); print(k.fetchone()[0])"
    command = database.manage("shell", "-v", "0", "-c", shown)
    assert command.stdout == "0\n"
    assert postgresql.SERVER.server_options == (
        "-c statement_timeout=4000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=5000"
        " -c jit=off"
    )


def test_a_lock_that_somebody_keeps_holds_nobody_for_long(
    portal: Served, database: Database
) -> None:
    visitor = Visitor(portal).sign_in("ann")
    with database.server.connect(database.name) as keeper, keeper.transaction():
        keeper.execute("SELECT 1 FROM accounts_recordhead FOR UPDATE")
        refused = visitor.go()
    assert_told(refused)
    assert RECORD_SENTENCE in refused.text
    assert refused.elapsed.total_seconds() < LONGEST_ANSWER_SECONDS
    assert is_launched(visitor.go())


# --- the start -------------------------------------------------------------------------------


def serve(url: str, **variables: str) -> str:
    refused = run(
        ["-m", "portal.server.serve"], DATABASE_URL=url, PORT=str(free_port()), **variables
    )
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert PASSWORD not in line
    return line


def test_a_database_that_cannot_be_reached_is_one_line_without_the_password(
    server: Server,
) -> None:
    nowhere = Server(server.folder, port=free_port())
    assert "Connection refused" in serve(nowhere.url("portal"))
    assert 'database "nowhere" does not exist' in serve(server.url("nowhere"))
    assert "password authentication failed" in serve(server.url("postgres", user="nobody"))
    assert serve(server.url("nowhere")).startswith(
        f"DATABASE_URL leads to database nowhere at 127.0.0.1:{server.port} as sekisho, which"
    )


def test_a_command_without_its_database_is_one_line(server: Server) -> None:
    refused = run(["manage.py", "createsuperuser", "--noinput"], DATABASE_URL=server.url("nowhere"))
    (line,) = refused.stderr.strip().splitlines()
    assert "does not exist" in line
    assert PASSWORD not in line


def test_more_threads_than_connections_are_refused_with_what_is_allowed(server: Server) -> None:
    name = copy_of_template(server).name
    ((shown,),) = Database(server, name).query("SHOW max_connections")
    allowed = int(shown) - 3 - 3  # the server reserves three, and commands have three
    line = serve(server.url(name), WEB_CONCURRENCY="2", PORTAL_THREADS=str(allowed // 2 + 1))
    assert line.startswith(f"WEB_CONCURRENCY is 2 and PORTAL_THREADS is {allowed // 2 + 1}, which")
    assert line.endswith(f"WEB_CONCURRENCY × PORTAL_THREADS may be at most {allowed}.")


def test_a_roles_own_limit_of_connections_counts_too(server: Server) -> None:
    name = copy_of_template(server).name
    with server.connect() as connection:
        with suppress(psycopg.errors.DuplicateObject):
            connection.execute(f"CREATE ROLE limited SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("ALTER ROLE limited CONNECTION LIMIT 12")
    line = serve(server.url(name, user="limited"), WEB_CONCURRENCY="1", PORTAL_THREADS="10")
    assert "the role's CONNECTION LIMIT allows 12" in line
    assert line.endswith("may be at most 9.")
