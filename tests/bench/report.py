"""The figures of a benchmark of delivery, from its runs; as a table for people."""

import argparse
import os
from statistics import median
from typing import Any

from tests.bench.outcome import Run

Runs = dict[str, list[Run]]


def figures(
    options: argparse.Namespace, runs: Runs, *, message_bytes: int, peak_mb_of_few: float | None
) -> dict[str, Any]:
    """Medians of the rounds; a ratio is the median of each round's own. None where something was not measured."""
    return {
        "recipients": options.recipients,
        "rounds": options.rounds,
        "processes": options.processes,
        "connections": options.connections,
        "database": "sqlite" if options.database is None else "postgres",
        "message_bytes": message_bytes,
        "load_average": os.getloadavg()[0],
        **_of_digest(runs, "digest", ""),
        **_of_digest(runs, "dkim", "dkim_"),
        "dkim_two_processes_rate": _middle(runs, "dkim_two", "rate"),
        "dkim_two_processes_ratio_to_smtp_source": _ratio(runs, "dkim_two", "smtp_source", "rate"),
        **_of_reference(runs, "smtp_source"),
        **_of_reference(runs, "naive"),
        "tls_cpu_us": _middle(runs, "tls", "cpu_us"),
        "tls_cpu_ratio_to_plain": _ratio(runs, "tls", "digest", "cpu_us"),
        "latency_ms": options.latency,
        "latency_rate": _middle(runs, "latency", "rate"),
        "peak_rss_mb_of_10000": peak_mb_of_few and round(peak_mb_of_few, 1),
    }


def _of_digest(runs: Runs, name: str, prefix: str) -> dict[str, Any]:
    found = {
        "rate": _middle(runs, name, "rate"),
        "ratio_to_smtp_source": _ratio(runs, name, "smtp_source", "rate"),
        "cpu_ratio_to_smtp_source": _ratio(runs, name, "smtp_source", "cpu_us"),
        "ratio_to_naive": _ratio(runs, name, "naive", "rate"),
        "peak_rss_mb": _middle(runs, name, "peak_mb"),
        "cpu_us": _middle(runs, name, "cpu_us"),
        "whole_cpu_us": _middle(runs, name, "whole_cpu_us"),
        "ledger_us": _middle(runs, name, "ledger_us"),
        "accepted": _middle(runs, name, "accepted"),
        "received": _middle(runs, name, "received"),
    }
    return {prefix + key: value for key, value in found.items()}


def _of_reference(runs: Runs, name: str) -> dict[str, Any]:
    return {f"{name}_{key}": _middle(runs, name, key) for key in ("messages", "rate", "cpu_us", "received")}


def _middle(runs: Runs, name: str, figure: str) -> float | None:
    values = [getattr(run, figure) for run in runs.get(name, ())]
    return _rounded(median(values)) if values else None


def _ratio(runs: Runs, name: str, base: str, figure: str) -> float | None:
    pairs = zip(runs.get(name, ()), runs.get(base, ()), strict=False)
    ratios = [getattr(run, figure) / getattr(other, figure) for run, other in pairs]
    return round(median(ratios), 3) if ratios else None


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else round(value, 1)


def table(found: dict[str, Any]) -> str:
    """For people: what is not measured is a dash."""
    if "start_seconds" in found:
        return f"an issue of {found['recipients']:,} started in {found['start_seconds']} s"
    head = (
        f"{found['recipients']:,} recipients, {found['message_bytes']:,} octets a message, {found['database']}, "
        f"{found['connections']} connections, processes: {found['processes']}, rounds: {found['rounds']}"
    )
    rows = [("sender", "messages/s", "CPU µs/message", "rate ÷ smtp-source", "CPU ÷ smtp-source", "peak MB")]
    rows += [_row(found, label, prefix) for label, prefix in (("digest", ""), ("digest, DKIM", "dkim_"))]
    rows += [_row(found, label, prefix) for label, prefix in (("smtp-source", "smtp_source_"), ("naive", "naive_"))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    notes = (
        f"rate ÷ naive: {_shown(found['ratio_to_naive'])}",
        f"ledger: {_shown(found['ledger_us'])} µs of CPU a row",
        (
            f"DKIM (RSA-2048) by two processes: {_shown(found['dkim_two_processes_rate'])} messages/s, "
            f"{_shown(found['dkim_two_processes_ratio_to_smtp_source'])} × smtp-source"
        ),
        f"TLS: {_shown(found['tls_cpu_us'])} µs of CPU, {_shown(found['tls_cpu_ratio_to_plain'])} × plain",
        f"round trip of {_shown(found['latency_ms'])} ms, 50 connections: {_shown(found['latency_rate'])} messages/s",
        f"peak for 10,000 recipients: {_shown(found['peak_rss_mb_of_10000'])} MB",
        f"the ledger accepted {_shown(found['accepted'])}, the sink received {_shown(found['received'])}",
    )
    return "\n".join([head, "", *lines, "", *notes])


def _row(found: dict[str, Any], label: str, prefix: str) -> tuple[str, ...]:
    keys = ("rate", "cpu_us", "ratio_to_smtp_source", "cpu_ratio_to_smtp_source", "peak_rss_mb")
    return (label, *(_shown(found.get(prefix + key)) for key in keys))


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:,}"
