"""`python -m tests.mutation`: guard → the first test that fails without it. Exit code 1 where nobody missed one."""

import argparse
import json
import sys
import time

from tests.mutation.guard import Guard, Moved
from tests.mutation.guards import GUARDS
from tests.mutation.trial import Broken, Copy, Verdict, open_copy


def main() -> int:
    """Try the guards that were asked for."""
    options = _options()
    if options.list:
        for guard in options.guards:
            print(f"{guard.name:<34} {guard.keeps}")
        return 0
    began = time.monotonic()
    try:
        with open_copy() as copy:
            copy.check(sorted({test for guard in options.guards for test in guard.tests}))
            verdicts = _try(copy, options.guards, keep_going=options.keep_going, aloud=not options.json)
    except (Moved, Broken) as error:
        print(error, file=sys.stderr)
        return 2
    survived = [verdict.guard.name for verdict in verdicts if verdict.failing is None]
    seconds = round(time.monotonic() - began, 1)
    if options.json:
        tried = {one.guard.name: {"keeps": one.guard.keeps, "failing": one.failing, "seconds": round(one.seconds, 1)}
                 for one in verdicts}  # fmt: skip
        print(json.dumps({"guards": tried, "survived": survived, "seconds": seconds}))
    else:
        print(f"{len(verdicts)} of {len(options.guards)} guards tried, {len(survived)} survived, {seconds} s")
    return 1 if survived else 0


def _try(copy: Copy, guards: list[Guard], *, keep_going: bool, aloud: bool) -> list[Verdict]:
    verdicts = []
    for guard in guards:
        verdict = copy.try_without(guard)
        verdicts.append(verdict)
        if aloud:
            print(f"{guard.name:<34} {verdict.failing or 'SURVIVED'}", flush=True)
        if verdict.failing is None and not keep_going:
            break
    return verdicts


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--guard", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--list", action="store_true", help="say what each guard keeps, and try none")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep-going", action="store_true", help="go on after a guard that nobody missed")
    options = parser.parse_args()
    known = {guard.name: guard for guard in GUARDS}
    if unknown := [name for name in options.guard or () if name not in known]:
        parser.error(f"no guard is called {unknown[0]!r}; --list names them")
    options.guards = [known[name] for name in options.guard] if options.guard else list(GUARDS)
    return options


if __name__ == "__main__":
    raise SystemExit(main())
