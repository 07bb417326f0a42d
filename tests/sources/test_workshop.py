"""Parsing happens where it can be killed."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from tests.sources.scripted_server import atom

from digest.errors import NotAFeed, SourceError
from digest.sources.workshop import Job, Workshop

FEED = atom(("tag:blog.test,2017:1", "One", "2017-08-11T10:00:00Z"))


def test_a_document_is_parsed_and_the_worker_is_used_again() -> None:
    async def twice() -> None:
        async with Workshop() as workshop:
            feed = await workshop.parse(Job(body=FEED, url="http://blog.test/feed"))
            assert [post.card.title for post in feed.posts] == ["One"]
            first = workshop._process
            await workshop.parse(Job(body=FEED, url="http://blog.test/feed"))
            assert workshop._process is first

    asyncio.run(twice())


def test_an_error_of_the_parser_arrives_as_the_same_error() -> None:
    async def wrong() -> None:
        async with Workshop() as workshop:
            with pytest.raises(NotAFeed, match="web page") as caught:
                await workshop.parse(Job(body=b"<!doctype html><p>Hello", url="http://blog.test/"))
            assert caught.value.next_step

    asyncio.run(wrong())


def test_a_document_that_takes_too_long_is_killed_and_the_next_one_is_parsed() -> None:
    bomb = b"<rss><channel><item><description>" + b"&lt;b&gt;" * 400_000

    async def hostile() -> None:
        async with Workshop() as workshop:
            await workshop.parse(Job(body=FEED, url="http://blog.test/feed"))
            began = time.monotonic()
            with pytest.raises(NotAFeed, match="took longer"):
                await workshop.parse(Job(body=bomb, url="http://blog.test/bomb"), seconds=0.02)
            assert time.monotonic() - began < 8
            feed = await workshop.parse(Job(body=FEED, url="http://blog.test/feed"))
            assert len(feed.posts) == 1

    asyncio.run(hostile())


@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "ul"])
def test_nested_tags_end_within_the_limit(tag: str) -> None:
    """585 KB of nested tags kept a parser busy for 11 s: here they are parsed quickly, or given up."""
    nested = f"<{tag}>".replace("<", "&lt;").replace(">", "&gt;").encode() * 60_000
    bomb = b'<?xml version="1.0"?><rss><channel><title>x</title><item><title>a</title><description>' + nested
    bomb += b"</description></item></channel></rss>"

    async def hostile() -> None:
        async with Workshop(seconds=6) as workshop:
            began = time.monotonic()
            with contextlib.suppress(SourceError):
                await workshop.parse(Job(body=bomb, url="http://blog.test/bomb"))
            assert time.monotonic() - began < 8

    asyncio.run(hostile())


def test_a_worker_that_dies_is_one_source_s_error_and_is_replaced() -> None:
    async def killed() -> None:
        async with Workshop() as workshop:
            await workshop.parse(Job(body=FEED, url="http://blog.test/feed"))
            assert workshop._process is not None
            os.kill(workshop._process.pid, signal.SIGKILL)
            await workshop._process.wait()
            with pytest.raises(SourceError, match="broke the worker"):
                await workshop.parse(Job(body=FEED, url="http://blog.test/feed"))
            assert len((await workshop.parse(Job(body=FEED, url="http://blog.test/feed"))).posts) == 1

    asyncio.run(killed())


def test_a_folder_that_takes_too_long_is_nobody_else_s_fault(tmp_path: Path) -> None:
    async def slow() -> None:
        async with Workshop() as workshop:
            with pytest.raises(NotAFeed, match=r"longer than 0\.001 s") as caught:
                await workshop.parse(Job(url=str(tmp_path), folder=True), seconds=0.001)
            assert caught.value.next_step == "name the folder that holds the posts and nothing else"

    asyncio.run(slow())
