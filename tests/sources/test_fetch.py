"""One GET at a time: conditional, bounded, followed by hand. Proved on a real server's request log."""

import asyncio
import gzip
import itertools
import ssl
import time
import tracemalloc
import zlib

import pytest
import trustme
from tests.sources.scripted_server import Answer, ScriptedServer, serving

from digest.errors import BadStatus, FetchError, RefusedAddress
from digest.sources.fetch import ACCEPT, Fetcher, Reply, user_agent
from digest.sources.pace import GAP_SECONDS, Pacer
from digest.sources.wire import FEED_LIMIT, MIB, PACKED_LIMIT


def get(fetcher: Fetcher, url: str, **options: object) -> Reply:
    return asyncio.run(fetcher.get(url, **options))  # type: ignore[arg-type]


def test_f2_validators_go_back_byte_for_byte(server: ScriptedServer) -> None:
    server.script("/feed", Answer(304))
    odd = 'W/"caf\xe9-gzip"'
    reply = get(server.fetcher(), server.url("/feed"), etag=odd, last_modified="yesterday, or so")
    assert reply.not_modified
    assert server.log[0].headers["if-none-match"] == odd
    assert server.log[0].headers["if-modified-since"] == "yesterday, or so"


def test_f2_without_validators_the_request_is_unconditional(server: ScriptedServer) -> None:
    server.script("/feed", Answer(body=b"x", headers={"ETag": '"1"', "Last-Modified": "L"}))
    reply = get(server.fetcher(), server.url("/feed"))
    assert not server.log[0].is_conditional
    assert (reply.etag, reply.last_modified, reply.body) == ('"1"', "L", b"x")


def test_f13_we_say_who_we_are_and_nothing_else(server: ScriptedServer) -> None:
    server.script(
        "/feed",
        Answer(302, headers={"Location": "/feed2", "Set-Cookie": "a=b"}),
    )
    server.script("/feed2", Answer(body=b"x", headers={"Set-Cookie": "c=d"}))
    fetcher = server.fetcher()
    for _ in range(2):
        get(fetcher, server.url("/feed"), subscribers=3)
    sent = server.log[-1].headers
    assert sent["user-agent"].startswith("digest/")
    assert sent["user-agent"].endswith("(+https://digest.test/about; 3 subscribers)")
    assert sent["accept"] == ACCEPT
    assert sent["accept-encoding"] == "gzip, deflate"
    assert all(set(seen.headers) == {"host", "user-agent", "accept", "accept-encoding"} for seen in server.log)
    assert set(server.paths()) == {"/feed", "/feed2"}


@pytest.mark.parametrize(
    "pack", [gzip.compress, zlib.compress, lambda b: zlib.compressobj(wbits=-15).compress(b) or b""]
)
def test_f7_gzip_and_deflate_are_decoded(server: ScriptedServer, pack) -> None:
    plain = b"<feed/>" * 1000
    packed = pack(plain)
    if not packed:  # the raw stream that some servers call deflate
        raw = zlib.compressobj(wbits=-15)
        packed = raw.compress(plain) + raw.flush()
    coding = "gzip" if packed[:2] == b"\x1f\x8b" else "deflate"
    server.script("/feed", Answer(body=packed, headers={"Content-Encoding": coding}))
    assert get(server.fetcher(), server.url("/feed")).body == plain


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_f7_a_bomb_stops_at_the_cap_in_little_memory(server: ScriptedServer, coding: str) -> None:
    pack = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    bomb = b"".join(pack.compress(bytes(MIB)) for _ in range(200)) + pack.flush()
    server.script("/feed", Answer(body=bomb, headers={"Content-Encoding": coding}))
    tracemalloc.start()
    with pytest.raises(FetchError, match="larger than 5 MiB"):
        get(server.fetcher(), server.url("/feed"))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * MIB


def test_f7_twenty_megabytes_are_refused_before_they_are_read(server: ScriptedServer) -> None:
    server.script("/feed", Answer(body=b"x" * 20 * MIB))
    with pytest.raises(FetchError, match="larger than 5 MiB"):
        get(server.fetcher(), server.url("/feed"))


def test_f7_a_body_of_unknown_length_stops_at_the_cap(server: ScriptedServer) -> None:
    server.script("/feed", Answer(body=b"x" * 500, drip=0.0001))
    with pytest.raises(FetchError, match="larger than 100 bytes"):
        get(server.fetcher(), server.url("/feed"), limit=100)


def test_f7_exactly_the_cap_is_allowed(server: ScriptedServer) -> None:
    server.script("/feed", Answer(body=gzip.compress(b"x" * FEED_LIMIT, 1), headers={"Content-Encoding": "gzip"}))
    assert len(get(server.fetcher(), server.url("/feed")).body) == FEED_LIMIT
    assert PACKED_LIMIT < FEED_LIMIT


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
def test_f7_a_coding_that_was_not_asked_for_is_refused(server: ScriptedServer, coding: str) -> None:
    server.script("/feed", Answer(body=b"\x8b\x00", headers={"Content-Encoding": coding}))
    with pytest.raises(FetchError, match="not asked for"):
        get(server.fetcher(), server.url("/feed"))


def test_a_damaged_or_broken_off_body_is_an_error(server: ScriptedServer) -> None:
    whole = gzip.compress(b"words " * 500)
    server.script("/cut", Answer(body=whole[:-9], headers={"Content-Encoding": "gzip"}))
    server.script("/bad", Answer(body=b"\x1f\x8b\x08\x00junkjunk", headers={"Content-Encoding": "gzip"}))
    server.script("/short", Answer(body=b"words", cut=100))
    for path, words in (("/cut", "broke off"), ("/bad", "damaged"), ("/short", "broke off")):
        with pytest.raises(FetchError, match=words):
            get(server.fetcher(), server.url(path))


def test_f8_an_endless_drip_ends_at_the_whole_limit(server: ScriptedServer) -> None:
    server.script("/feed", Answer(body=b"x" * 200, drip=0.05))
    began = time.monotonic()
    with pytest.raises(FetchError, match="did not answer in time"):
        get(server.fetcher(whole_seconds=0.6), server.url("/feed"))
    assert time.monotonic() - began < 8  # all of it would take ten


def test_f8_a_stalled_read_ends_at_the_read_limit(server: ScriptedServer) -> None:
    server.script("/feed", Answer(body=b"x", stall=1.5))
    with pytest.raises(FetchError, match="did not answer in time"):
        get(server.fetcher(read_seconds=0.3), server.url("/feed"))
    assert len(server.log) == 1  # no retry inside a poll


def test_f9_a_permanent_chain_is_told_from_a_temporary_one(server: ScriptedServer) -> None:
    server.script("/a", Answer(301, headers={"Location": "/b"}))
    server.script("/b", Answer(308, headers={"Location": "/feed"}))
    server.script("/t", Answer(301, headers={"Location": "/u"}))
    server.script("/u", Answer(302, headers={"Location": "/feed"}))
    server.script("/feed", Answer(body=b"x"))
    permanent = get(server.fetcher(), server.url("/a"), etag='"e"')
    assert permanent.permanent_url == permanent.final_url == server.url("/feed")
    assert all(seen.headers["if-none-match"] == '"e"' for seen in server.log)
    temporary = get(server.fetcher(), server.url("/t"))
    assert (temporary.permanent_url, temporary.final_url) == (None, server.url("/feed"))
    assert get(server.fetcher(), server.url("/feed")).permanent_url is None


def test_f9_a_loop_and_a_long_chain_are_errors(server: ScriptedServer) -> None:
    server.script("/a", Answer(302, headers={"Location": "/b"}))
    server.script("/b", Answer(302, headers={"Location": "/a"}))
    for hop in range(9):
        server.script(f"/{hop}", Answer(302, headers={"Location": f"/{hop + 1}"}))
    with pytest.raises(FetchError, match="in a loop"):
        get(server.fetcher(), server.url("/a"))
    with pytest.raises(FetchError, match="more than 5 times"):
        get(server.fetcher(), server.url("/0"))
    assert server.paths() == ["/a", "/b", "/0", "/1", "/2", "/3", "/4", "/5"]


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "http://10.0.0.1/",
        "http://inside.test:{port}/",
        "http://blog.test:22/",
        "ftp://a.test/",
    ],
)
def test_f15_a_redirect_to_a_private_place_is_refused(server: ScriptedServer, target: str) -> None:
    server.script("/feed", Answer(302, headers={"Location": target.format(port=server.port)}))
    with pytest.raises(RefusedAddress):
        get(server.fetcher(hosts={"inside.test": ["192.168.0.9"]}), server.url("/feed"))
    assert len(server.log) == 1


def test_f15_the_checked_address_is_the_one_connected_to(server: ScriptedServer) -> None:
    """A name that answers differently the second time (DNS rebinding) is asked once a request."""
    asked: list[str] = []
    server.script("/feed", Answer(body=b"x"))
    fetcher = server.fetcher()
    first = fetcher._guard.resolver

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return list(await first(host, port)) if len(asked) == 1 else ["10.0.0.1"]

    object.__setattr__(fetcher._guard, "resolver", rebinding)
    assert get(fetcher, server.url("/feed")).body == b"x"
    assert asked == ["blog.test"]
    assert server.log[0].host == f"blog.test:{server.port}"


def test_f15_credentials_stay_with_their_host(server: ScriptedServer) -> None:
    server.script("/feed", Answer(302, headers={"Location": "/here"}))
    server.script("/here", Answer(302, headers={"Location": server.url("/there", host="other.test")}))
    server.script("/there", Answer(body=b"x"))
    reply = get(server.fetcher(), server.url("/feed").replace("blog.test", "anna:pw@blog.test"))
    assert ["authorization" in seen.headers for seen in server.log] == [True, True, False]
    assert "pw" not in reply.final_url


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 429, 500, 503])
def test_a_bad_status_is_a_sentence_with_its_facts(server: ScriptedServer, status: int) -> None:
    server.script("/feed", Answer(status, headers={"Retry-After": "120"}))
    with pytest.raises(BadStatus, match=f"HTTP {status}") as caught:
        get(server.fetcher(), server.url("/feed"))
    assert (caught.value.status, caught.value.retry_after) == (status, "120")
    assert caught.value.next_step


def test_a_dead_host_and_a_closed_port_are_sentences() -> None:
    with serving() as server:
        fetcher, url = server.fetcher(), server.url("/feed")
        with pytest.raises(FetchError, match=r"no host named nowhere\.test"):
            get(fetcher, server.url("/feed", host="nowhere.test"))
    with pytest.raises(FetchError, match="cannot be reached"):
        get(fetcher, url)


def test_tls_is_checked_against_the_name_though_the_address_is_pinned() -> None:
    authority = trustme.CA()
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("blog.test").configure_cert(there)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    with serving(tls=there) as server:
        server.script("/feed", Answer(body=b"x"))
        assert get(server.fetcher(tls=ours), server.url("/feed")).body == b"x"
        for options, host in (({"tls": ours}, "other.test"), ({}, "blog.test")):
            with pytest.raises(FetchError, match="cannot be trusted"):
                get(server.fetcher(**options), server.url("/feed", host=host))


def test_f9_https_never_falls_back_to_http() -> None:
    authority = trustme.CA()
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("blog.test").configure_cert(there)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    with serving(tls=there) as server:
        server.script("/feed", Answer(301, headers={"Location": server.url("/x").replace("https", "http")}))
        with pytest.raises(FetchError, match="from https to http"):
            get(server.fetcher(tls=ours), server.url("/feed"))


def test_f12_one_request_at_a_time_per_host_and_a_pause_between(server: ScriptedServer) -> None:
    names = {f"/{i}": host for i, host in enumerate(["a.blogspot.test", "b.test", "b.test", "b.test", "c.test"])}
    for path in names:
        server.script(path, Answer(body=b"x", stall=0.05))
    fetcher = server.fetcher(gap=0.2)

    async def all_at_once() -> None:
        await asyncio.gather(*(fetcher.get(server.url(path, host=host)) for path, host in names.items()))

    asyncio.run(all_at_once())
    same = sorted((seen.started, seen.ended) for seen in server.log if seen.host.startswith("b.test"))
    assert len(same) == 3
    assert all(later - ended >= 0.15 for (_, ended), (later, _) in itertools.pairwise(same))
    starts = sorted(seen.started for seen in server.log)
    assert starts[2] - starts[0] < 0.2  # different hosts do not wait for each other


def test_f12_the_pause_is_two_seconds_and_outlives_a_restart() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def one_turn(pacer: Pacer) -> None:
        async with pacer.turn("b.test"):
            pass

    pacer = Pacer(monotonic=lambda: 100.0, sleep=sleep)
    asyncio.run(one_turn(pacer))
    asyncio.run(one_turn(pacer))
    assert slept == [GAP_SECONDS] == [2.0]
    restarted = Pacer(monotonic=lambda: 5.0, sleep=sleep)
    restarted.remember("b.test", seconds_ago=0.5)
    asyncio.run(one_turn(restarted))
    assert slept[1:] == [1.5]


def test_f12_at_most_sixteen_requests_overall() -> None:
    pacer, running, most = Pacer(), 0, 0

    async def request(host: str) -> None:
        nonlocal running, most
        async with pacer.turn(host):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.02)
            running -= 1

    async def all_at_once() -> None:
        await asyncio.gather(*(request(f"h{i}.test") for i in range(40)))

    asyncio.run(all_at_once())
    assert most == 16


def test_no_page_about_us_can_break_the_header() -> None:
    assert user_agent("https://n.example/über\r\nX: y", 2).isascii()
    assert user_agent("https://n.example/über\r\nX: y", 2).isprintable()
    assert "(+https://n.example/%C3%BCber" in user_agent("https://n.example/über", None)
