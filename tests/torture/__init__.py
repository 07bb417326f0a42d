"""Torture: real worker processes over a hostile mail server, killed, frozen and lied to; its log is the oracle.

 harness ─▶ fork server ─▶ workers (the program, imported once) ─▶ mail server (faults by plan) ─▶ its fsynced log
    └──────────────────────── invariants: the log against the ledger ◀──────────────────────────────────┘

`python -m tests.torture --help` says how to run it; docs/reliability.md says what it proves.
"""
