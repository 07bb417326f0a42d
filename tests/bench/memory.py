"""The peak memory of this process."""

import resource
from pathlib import Path


def peak_megabytes() -> float:
    """The most memory that this program had resident, in MB.

    Linux begins ru_maxrss with what the parent had when it forked, so a benchmark started by a large test run would
    be charged for it; VmHWM begins anew with the program.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
