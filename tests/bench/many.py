"""What a container costs where there are many: 1000 of them one after the other, and 500 at once.

The last tenth is compared with the first, so that a cost which grows with their number is a ratio above 1; and nothing may be
left of any of them.  `measure` is that of the table (COMMAND, DIRECTORY, MILLISECONDS of rest).
"""
import os
import statistics
import subprocess
import sys

CYCLES, AT_ONCE = 1000, 500
PART = 10


def left():
    """What outlives containers if anything does: cgroups of ours, which are there as long as a process of theirs is; mounts; state."""
    cgroups = {path for path, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(path).startswith(("runtime-cycle", "runtime-many"))}
    with open("/proc/self/mountinfo") as file:
        mounts = set(file)
    state = set(os.listdir("/run/runtime")) if os.path.isdir("/run/runtime") else set()
    return cgroups | mounts | state - {"@seccomp"}


def compare(costs):
    """Those of the last containers against those of the first, in the form of a pair.  The dearest fifth of each part is left out:
    the machine had something else to do."""
    size = len(costs) // PART
    report = {"rounds": size, "idle_ms": 0}
    for index, name in ((0, "cpu_ms"), (1, "wall_ms")):
        last, first = (1000 * statistics.mean(sorted(x[index] for x in part)[: size - size // 5]) for part in (costs[-size:], costs[:size]))
        report[name] = {"ours": round(last, 2), "peer": round(first, 2), "ratio": round(last / first, 3)}
    return report


def cycles(measure, program, bundle):
    return [measure([program, "run", "cycle"], bundle, 0) for _ in range(CYCLES)]


def at_once(measure, program, sleeper):
    """Made one after the other and removed the other way round: both of a container's commands meet as many others."""
    made, removed = [], []
    try:
        for i in range(AT_ONCE):
            made.append(measure([program, "run", "--detach", f"many{i}"], sleeper, 0))
        for i in reversed(range(AT_ONCE)):
            removed.append(measure([program, "delete", "--force", f"many{i}"], sleeper, 0))
    finally:
        for i in range(len(made) - len(removed)):
            subprocess.run([program, "delete", "--force", f"many{i}"], check=False)
    return [(a[0] + b[0], a[1] + b[1]) for a, b in zip(made, reversed(removed))]


def benches(measure, program, bundle, sleeper):
    """As `runtime_benches` has them."""
    for name, containers, where in ((f"{CYCLES} cycles, the last", cycles, bundle), (f"{AT_ONCE} at once, the last", at_once, sleeper)):
        def measured(containers=containers, where=where):
            before = left()
            report = compare(containers(measure, program, where))
            if left() - before:
                sys.exit(f"bench: left behind: {sorted(left() - before)[:10]}")
            return report
        yield name, "first", measured
