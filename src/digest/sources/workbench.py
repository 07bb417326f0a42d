"""The worker's side of the workshop: reads documents from stdin, writes feeds to stdout, ends when stdin ends."""

import os
import pickle
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from digest.core.model import Feed
from digest.errors import NotAFeed, SourceError
from digest.sources.feed import parse_feed
from digest.sources.storable import make_storable
from digest.sources.workshop import FRAME, Job

MEMORY_BYTES = 2 << 30
"""Of address space. The worst bomb we know of takes 0.4 GB; a Blogger backup of 64 MiB is why it is not less."""
ORPHAN_SECONDS = 120
"""If the program dies while a bomb is being parsed, nobody is left to stop this process."""


def main() -> None:
    """One document after the other."""
    _limit_memory()
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library's print must not tear the frames
    while header := jobs.read(FRAME.size):
        job: Job = pickle.loads(jobs.read(FRAME.unpack(header)[0]))  # noqa: S301 - from our own parent
        signal.alarm(ORPHAN_SECONDS)
        answer = _work(job)
        signal.alarm(0)
        _put(answers, answer)


def _work(job: Job) -> Feed | SourceError:
    try:
        return make_storable(_read(job))
    except SourceError as error:
        return type(error)(error.message, next_step=error.next_step)
    except Exception as error:  # noqa: BLE001 - a parser's fault is this document's, not the program's
        return NotAFeed(
            f"{job.url}: the parser failed on it ({type(error).__name__})",
            next_step="report the feed's address as a bug of digest",
        )


def _read(job: Job) -> Feed:
    if job.folder:
        from digest.sources.folder import read_folder  # noqa: PLC0415 - YAML and Markdown only for those who write it

        return read_folder(Path(job.url), zone=job.zone)
    return parse_feed(job.body, url=job.url, content_type=job.content_type, zone=job.zone)


def _put(answers: BinaryIO, answer: Feed | SourceError) -> None:
    data = pickle.dumps(answer)
    answers.write(FRAME.pack(len(data)) + data)
    answers.flush()


def _limit_memory() -> None:
    try:
        import resource  # noqa: PLC0415 - POSIX only
    except ImportError:
        return
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()
