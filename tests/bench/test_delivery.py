"""The benchmark of delivery runs, and what it counts adds up; `python -m tests.bench.delivery` is the measurement.

Ratios are looked at for sanity only: a busy machine must not fail a test.
"""

import json
import smtplib
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from digest.core.merge import FIELDS, token
from tests import forked
from tests.bench import delivery, issue, processes, report
from tests.bench.databases import prepared
from tests.bench.processes import ToolMissing, find_tool
from tests.bench.sender import run_digest, run_start
from tests.bench.sink import sink

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]  # a dozen processes, on a machine that may be busy

RATIOS = ("ratio_to_smtp_source", "cpu_ratio_to_smtp_source", "ratio_to_naive")


@pytest.fixture(autouse=True)
def _tools() -> None:
    try:
        for name, package in (("smtp-sink", "postfix"), ("smtp-source", "postfix"), ("stunnel", "stunnel4")):
            find_tool(name, package)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def quick_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders are forked from a process that has imported the program: a start of Python took most of a test's time."""
    monkeypatch.setattr(processes, "start", _fork)


def _fork(command: list[str], **options: Any) -> "subprocess.Popen[str]":
    python, how, *words = map(str, command)
    if (python, how) != (sys.executable, "-m"):
        return subprocess.Popen(command, **options)
    code = f"import runpy; runpy.run_module({words[0]!r}, run_name='__main__', alter_sys=True)"
    return forked.Forked(words, code=code, **options)


def test_the_benchmark_measures_what_arrived(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = tmp_path / "chart.svg"
    words = ["--recipients", "300", "--rounds", "1", "--naive", "10", "--json", "--chart", str(chart)]
    assert delivery.main(words) == 0
    found = json.loads(capsys.readouterr().out)
    keys = {"rate", *RATIOS, "peak_rss_mb"}
    assert keys | {"recipients"} | {f"dkim_{key}" for key in keys} <= found.keys()
    assert found["recipients"] == found["accepted"] == found["received"] == found["smtp_source_received"] == 300
    assert found["naive_received"] == 10
    assert 50_000 < found["message_bytes"] < 56_000
    assert all(0 < found[key] < 1000 for key in RATIOS)
    assert 0 < found["ledger_us"] < found["whole_cpu_us"]
    assert found["dkim_accepted"] == found["dkim_received"] == 300
    assert found["dkim_cpu_us"] > found["cpu_us"], "a signature takes time"
    assert found["dkim_two_processes_ratio_to_smtp_source"] > 0
    assert [text.text for text in ET.fromstring(chart.read_text()).iter() if text.text in {"digest", "naive"}]


@pytest.mark.usefixtures("quick_starts")
def test_every_option_measures_something(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--recipients", "60", "--rounds", "1", "--ledger", "--processes", "2", "--tls", "--memory"]
    assert delivery.main([*words, "--latency", "20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    measured = ("tls_cpu_us", "tls_cpu_ratio_to_plain", "latency_rate", "peak_rss_mb_of_10000")
    assert all(found[key] > 0 for key in measured)


@pytest.mark.usefixtures("quick_starts", "postgres_server")  # skips aloud where there is none
def test_postgres_is_measured_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert delivery.main(["--recipients", "60", "--rounds", "1", "--ledger", "--json", "--database", "postgres"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accepted"] == found["received"] == 60
    table = report.table(found)  # a dash for what was not measured
    assert "the ledger accepted 60, the sink received 60" in table
    assert "DKIM (RSA-2048) by two processes: – messages/s" in table
    assert any(line.split()[:2] == ["naive", "–"] for line in table.splitlines())


@pytest.mark.usefixtures("quick_starts")
def test_an_issue_is_started_and_nothing_goes_out(tmp_path: Path) -> None:
    with prepared(tmp_path, recipients=30, where=None) as ready, ready.copy(tmp_path) as url:
        assert run_start(url) > 0


def test_a_stretched_round_trip_takes_its_time(tmp_path: Path) -> None:
    with sink(tmp_path, latency_ms=100) as server, smtplib.SMTP("127.0.0.1", server.port) as client:
        start = time.perf_counter()
        assert client.noop()[0] == 250
        assert time.perf_counter() - start >= 0.1


@pytest.mark.usefixtures("quick_starts")
def test_a_message_too_many_at_the_sink_is_no_result(tmp_path: Path) -> None:
    message = EmailMessage()
    message.set_content("one that is not in the ledger")
    with prepared(tmp_path, recipients=3, where=None) as ready, ready.copy(tmp_path) as url, sink(tmp_path) as server:
        with smtplib.SMTP("127.0.0.1", server.port) as stranger:
            stranger.send_message(message, "stranger@example.org", "reader0@mail0.example")
        with pytest.raises(RuntimeError, match=r"the ledger says \{'accepted': 3\} of 3, the sink 4"):
            run_digest(url, server, connections=2)


def test_the_issue_has_the_merge_fields_of_a_real_one() -> None:
    html, text = issue.render({field: token(issue.MERGE_KEY, field) for field in FIELDS})
    assert html.count(f"%%{issue.MERGE_KEY}:") + text.count(f"%%{issue.MERGE_KEY}:") == 37
