"""What a stranger can cost, and what an honest sender hears when it costs too much."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alarmd.frames.intake import Upload
from alarmd.web.ingest.limits import MAX_BODIES, MAX_HEAD, MAX_SHARE, Budget, UploadLimits
from alarmd.web.ingest.senders import Sender
from tests.waiting import wait_until
from tests.web.ingest.post import OTHER_SECRET, PATIENCE, SECRET, Post, all_of, jpeg, post, said

PICTURE = jpeg()
HEAD = f"POST /u/{SECRET} HTTP/1.1\r\nHost: x\r\n"


def exchanged(office: Post, *writes: bytes) -> tuple[int, dict[str, str], bytes]:
    with office.connect() as sender:
        for write in writes:
            sender.sendall(write)
        return said(all_of(sender))


def upload(length: int, more: str = "") -> bytes:
    return f"{HEAD}{more}Content-Length: {length}\r\n\r\n".encode()


def of_another(request: bytes) -> bytes:
    return request.replace(SECRET.encode(), OTHER_SECRET.encode())


@contextmanager
def uploading(office: Post, length: int = 100) -> Iterator[socket.socket]:
    """cam1, whose body is awaited."""
    with office.connect() as sender:
        sender.sendall(upload(length, "Expect: 100-continue\r\n"))
        assert sender.recv(100).startswith(b"HTTP/1.1 100")
        yield sender


def still_serves(office: Post) -> bool:
    return exchanged(office, upload(len(PICTURE)) + PICTURE)[0] == 204


@pytest.fixture
def hasty() -> Iterator[Post]:
    """A listener whose patience ends soon."""
    with post(UploadLimits(head_timeout=0.2, body_idle_timeout=0.2, total_timeout=0.6)) as office:
        yield office


def test_a_picture_that_is_too_long_is_refused_at_its_announcement(office: Post) -> None:
    status, _, body = exchanged(office, upload(office.listener.limits.max_body + 1))
    assert (status, b'"too_long"' in body, b"16777216" in body) == (413, True, True)
    assert 'alarmd_uploads_total{result="too_long",way="url"} 1.0' in office.metrics()


def test_a_picture_that_does_not_say_how_long_it_is_is_refused_when_it_is_too_long() -> None:
    with post(UploadLimits(max_body=10_000)) as office:
        chunk = b"1000\r\n" + bytes(0x1000) + b"\r\n"
        status, _, body = exchanged(
            office, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(), *[chunk] * 3, b"0\r\n\r\n"
        )
        assert (status, b'"too_long"' in body) == (413, True)
        assert office.listener.budget.used == 0
        assert office.stored == []


def test_a_picture_of_the_greatest_length_is_taken() -> None:
    with post(UploadLimits(max_body=len(PICTURE))) as office:
        assert still_serves(office)


def test_headers_without_end_are_refused(office: Post) -> None:
    filler = b"X-Filler: " + b"x" * 1000 + b"\r\n"
    status, _, body = exchanged(office, HEAD.encode(), *[filler] * (MAX_HEAD // len(filler) + 1))
    assert (status, b'"head_too_long"' in body) == (431, True)
    assert still_serves(office)


def test_headers_that_end_beyond_the_limit_are_refused_too(office: Post) -> None:
    more = "X-Filler: " + "x" * MAX_HEAD + "\r\n"
    assert exchanged(office, upload(len(PICTURE), more) + PICTURE)[0] == 431


@pytest.mark.parametrize(
    ("beginning", "status", "says"),
    [
        (b"POST /u/", 408, b"the headers must come in 0.2 s"),
        (upload(100) + b"x", 408, b"0.2 s may pass without a byte"),
        (upload(100), 408, b"0.2 s may pass without a byte"),
    ],
)
def test_a_sender_that_stops_hears_why_nothing_comes_of_it(
    hasty: Post, beginning: bytes, status: int, says: bytes
) -> None:
    answered, _, body = exchanged(hasty, beginning)
    assert (answered, says in body) == (status, True)
    assert hasty.listener.budget.used == 0


def test_a_sender_of_a_byte_now_and_then_is_cut_off_in_the_end(hasty: Post) -> None:
    with hasty.connect() as dripping:
        dripping.sendall(upload(1_000_000))
        dripping.settimeout(0.05)
        answer = b""
        for _ in range(int(PATIENCE / 0.05)):
            try:
                dripping.sendall(b"x")
                answer = dripping.recv(65536)
                break
            except TimeoutError:
                continue
        assert said(answer)[0] == 408


def test_a_sender_that_closes_its_side_too_early_is_told(office: Post) -> None:
    with office.connect() as sender:
        sender.sendall(upload(100) + b"x")
        sender.shutdown(socket.SHUT_WR)
        status, _, body = said(all_of(sender))
        assert (status, b'"incomplete"' in body) == (400, True)
        assert office.stored == []


def test_a_sender_that_closes_its_side_after_all_is_answered(office: Post) -> None:
    """As netcat does at the end of its input."""
    with office.connect() as sender:
        sender.sendall(upload(len(PICTURE)) + PICTURE)
        sender.shutdown(socket.SHUT_WR)
        assert said(all_of(sender))[0] == 204


def test_a_sender_that_vanishes_leaves_nothing_behind(office: Post) -> None:
    with office.connect() as sender:
        sender.sendall(upload(1000) + b"x")
        wait_until(lambda: office.listener.budget.used == 1000, "the body's place")
    wait_until(lambda: office.listener.budget.used == 0 and len(office.listener._places) == 0, "nothing left")
    assert still_serves(office)


def test_a_picture_whose_sender_vanished_is_stored_all_the_same(office: Post) -> None:
    with office.connect() as sender:
        sender.sendall(upload(len(PICTURE)) + PICTURE)
    wait_until(lambda: office.stored, "the picture")


@pytest.mark.parametrize(
    "garbage",
    [
        b"cam1,MOAL,garden_gate,0,0,0,0,0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),  # TLS on the plain port
        b"POST /u/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /u/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /u/x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST http:// HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_upload_is_refused_and_forgotten(office: Post, garbage: bytes) -> None:
    assert exchanged(office, garbage)[0] == 400
    assert still_serves(office)


def test_a_second_request_on_a_connection_is_not_looked_at(office: Post) -> None:
    one = upload(len(PICTURE)) + PICTURE
    with office.connect() as sender:
        sender.sendall(one + one)
        assert all_of(sender).count(b"HTTP/1.1 204") == 1
    assert len(office.stored) == 1


def test_an_upload_is_asked_for_only_when_it_is_wanted(office: Post) -> None:
    """Expect: 100-continue, RFC 9110 section 10.1.1: the body of a refused upload never leaves its sender."""
    expecting = "Expect: 100-continue\r\n"
    with office.connect() as sender:
        sender.sendall(upload(len(PICTURE), expecting))
        assert sender.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sender.sendall(PICTURE)
        assert said(all_of(sender))[0] == 204
    unknown = upload(len(PICTURE), expecting).replace(SECRET.encode(), b"x" * 20)
    assert exchanged(office, unknown)[0] == 404


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (UploadLimits(connections=2), "too_many_connections"),
        (UploadLimits(connections_per_address=2), "too_many_connections_of_address"),
    ],
)
def test_one_connection_too_many_is_told_to_come_again(limits: UploadLimits, reason: str) -> None:
    with post(limits) as office:
        with uploading(office), uploading(office), office.connect() as third:
            status, headers, body = said(all_of(third))
            assert (status, b'"busy"' in body) == (503, True)
            assert int(headers["retry-after"]) > 0
        assert f'alarmd_dropped_total{{reason="{reason}",where="ingest"}} 1.0' in office.metrics()
        wait_until(lambda: len(office.listener._places) == 0, "the places given back")
        assert still_serves(office)


@pytest.mark.parametrize("limits", [UploadLimits(connections=2), UploadLimits(connections_per_address=2)])
def test_strangers_who_say_nothing_give_way_the_oldest_first(limits: UploadLimits) -> None:
    with post(limits) as office:
        with uploading(office) as camera, office.connect() as first, office.connect() as second:
            assert first.recv(1) == b""
            second.sendall(HEAD.encode())
            with office.connect() as third:
                with suppress(ConnectionResetError):
                    assert second.recv(1) == b""
                third.sendall(upload(len(PICTURE)) + PICTURE)
                assert said(all_of(third))[0] == 204
            camera.sendall(bytes(100))
            assert said(all_of(camera))[0] == 204
        assert 'alarmd_dropped_total{reason="gave_way",where="ingest"} 2.0' in office.metrics()
        assert 'reason="incomplete"' not in office.metrics()
        wait_until(lambda: len(office.listener._places) == 0, "each place given back once")


def test_whoever_stays_after_its_answer_gives_way_too() -> None:
    with post(UploadLimits(connections=1)) as office, office.connect() as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert said(all_of(stranger))[0] == 200
        assert still_serves(office)


def test_more_strangers_than_places_keep_no_camera_out() -> None:
    with post(UploadLimits(connections=8)) as office, ExitStack() as strangers:
        for _ in range(40):
            strangers.enter_context(office.connect())
        assert still_serves(office)


def test_one_camera_has_a_few_bodies_under_way_and_the_others_theirs(office: Post) -> None:
    with ExitStack() as greedy:
        held = [greedy.enter_context(uploading(office)) for _ in range(MAX_BODIES)]
        status, headers, body = exchanged(office, upload(len(PICTURE)) + PICTURE)
        assert (status, b'"device_busy"' in body) == (429, True)
        assert int(headers["retry-after"]) > 0
        assert exchanged(office, of_another(upload(len(PICTURE))) + PICTURE)[0] == 204
        held[0].sendall(bytes(100))
        assert said(all_of(held[0]))[0] == 204
        assert still_serves(office)


def test_one_camera_gets_a_share_of_the_memory_and_the_others_theirs(office: Post) -> None:
    limit = office.listener.limits.max_body
    with uploading(office, limit - 10):
        status, _, body = exchanged(office, upload(11))
        assert (status, b'"device_busy"' in body) == (429, True)
        assert exchanged(office, of_another(upload(len(PICTURE))) + PICTURE)[0] == 204
    wait_until(lambda: office.listener.budget.used == 0, "the memory given back")


def test_a_picture_of_the_greatest_length_that_is_set_is_within_a_share() -> None:
    with post(UploadLimits(max_body=MAX_SHARE + 1)) as office, uploading(office, MAX_SHARE + 1):
        assert office.listener.budget.used == MAX_SHARE + 1


def test_bodies_of_all_uploads_together_have_a_bound(office: Post) -> None:
    office.listener.budget = Budget(1000, share=1000)
    with office.connect() as first:
        first.sendall(upload(900))
        wait_until(lambda: office.listener.budget.used == 900, "the first body's place")
        status, headers, body = exchanged(office, of_another(upload(101)))
        assert (status, b'"busy"' in body) == (503, True)
        assert int(headers["retry-after"]) > 0
        first.sendall(bytes(900))
        assert said(all_of(first))[0] == 204
    assert office.listener.budget.used == 0
    assert 'alarmd_queue_length{queue="http_upload_bytes"} 0.0' in office.metrics()


def test_strangers_get_no_memory_for_their_bodies(office: Post) -> None:
    stranger = upload(1_000_000).replace(SECRET.encode(), b"x" * 20)
    with office.connect() as sender:
        sender.sendall(stranger + bytes(100_000))
        assert said(sender.recv(65536))[0] == 404
        assert office.listener.budget.used == 0


def test_a_peer_that_never_closes_after_its_answer_is_let_go(office: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alarmd.web.ingest.connection.LINGER", 0.2)
    with office.connect() as sender:
        sender.sendall(upload(len(PICTURE)) + PICTURE)
        assert said(all_of(sender))[0] == 204
        wait_until(lambda: len(office.listener._places) == 0, "its place, though it holds the connection")


def test_a_stop_waits_for_what_is_being_stored_and_for_nobody_else() -> None:
    with post() as office:
        storing: list[Upload] = []

        async def take(upload: Upload) -> object:
            import asyncio

            storing.append(upload)
            while not office.listener._accepting[0].done():  # until the stop has begun
                await asyncio.sleep(0.005)
            office.stored.append(upload)
            return None

        office.take = take
        sender, idle = office.connect(), office.connect()
        sender.sendall(upload(len(PICTURE)) + PICTURE)
        wait_until(lambda: storing, "the picture on its way")
    with sender, idle:
        assert said(all_of(sender))[0] == 204
        assert idle.recv(1) == b""
    assert len(office.stored) == 1


# Whatever is sent, there is an answer or a close, and the next sender is served.

METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "BREW"])
TOKENS = st.text("abcXYZ019-_/.%?#", max_size=30)
PATHS = st.one_of(
    st.sampled_from(["/", "/c/snapshot", "/c/info", "/S3StoreImage", f"/u/{SECRET}", "/ingest/cam1", "*"]),
    TOKENS.map("/{}".format),
    TOKENS.map("http://x/{}".format),
)
NAMES = st.sampled_from(
    [
        "Token",
        "Fingerprint",
        "Content-Type",
        "Authorization",
        "X-Captured-At",
        "X-Trigger",
        "Expect",
        "Forwarded",
        "Host",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [SECRET, f"Bearer {SECRET}", "image/jpg", "multipart/form-data; boundary=b", "100-continue", "x" * 30]
    ),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=METHODS,
    path=PATHS,
    version=st.sampled_from(["1.0", "1.1", "3.7"]),
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=6),
    body=st.one_of(st.just(PICTURE), st.binary(max_size=300)),
)
def test_whatever_comes_is_answered_and_the_next_sender_served(
    office: Post, method: str, path: str, version: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    lines = [f"{method} {path} HTTP/{version}", *(f"{name}: {value}" for name, value in headers)]
    request = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body
    with office.connect() as sender:
        sender.sendall(request)
        answer = all_of(sender)
    answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert said(answer)[0] in (200, 204, 400, 401, 403, 404, 405, 415, 429)
    assert office.listener.budget.used == 0


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_answered_or_closed(office: Post, garbage: bytes) -> None:
    with office.connect() as sender:
        sender.sendall(garbage)
        sender.shutdown(socket.SHUT_WR)
        assert said(all_of(sender))[0] >= 400
    assert office.listener.budget.used == 0


def test_a_proxy_is_not_one_address_among_others() -> None:
    limits = UploadLimits(connections_per_address=1)
    with post(limits, trusted=("127.0.0.1",)) as office, office.connect(), office.connect():
        assert still_serves(office)


def test_refusals_are_logged_now_and_then_with_the_device_and_without_its_secret(office: Post) -> None:
    with structlog.testing.capture_logs() as logs:
        office.cameras[SECRET] = Sender(7, "cam1", "", welcome=False)
        for _ in range(3):
            assert exchanged(office, upload(len(PICTURE)) + PICTURE)[0] == 403
        assert exchanged(office, b"GET /cgi-bin/luci HTTP/1.1\r\n\r\n")[0] == 404
    (told,) = logs
    assert (told["reason"], told["address"], told["device"]) == ("wrong_source", "127.0.0.1", "cam1")
    assert SECRET not in str(told)


def test_without_descriptors_it_waits_until_there_are_some(office: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alarmd.web.ingest.listener.PAUSE", 0.01)
    accept, failing = office.loop.sock_accept, [OSError(errno.EMFILE, "Too many open files"), ConnectionAbortedError()]

    async def fail(listening: socket.socket) -> object:
        if failing:
            raise failing.pop(0)
        return await accept(listening)

    monkeypatch.setattr(office.loop, "sock_accept", fail)
    with structlog.testing.capture_logs() as logs:
        assert still_serves(office)  # accepted by the call that was under way
        assert still_serves(office)
    assert [line["event"] for line in logs] == ["no upload can be accepted"]


def test_a_defect_at_the_door_is_told_as_one(office: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_digest: str, _source: str) -> Sender:
        raise ZeroDivisionError

    monkeypatch.setattr(office, "by_digest", fail)
    with structlog.testing.capture_logs() as logs:
        status, _, body = exchanged(office, upload(len(PICTURE)) + PICTURE)
    assert (status, b'"defect"' in body) == (500, True)
    assert "a request failed by a defect of the server" in [line["event"] for line in logs]


def test_a_defect_before_the_first_byte_does_not_end_the_listening(
    office: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(office.listener, "_is_proxy", None)
        with office.connect() as sender:
            assert all_of(sender) == b""
    assert [line["event"] for line in logs] == ["a connection failed by a defect of the server"]
    assert still_serves(office)
