# SPDX-License-Identifier: Apache-2.0
"""disturbance - how long the rest of the machine kept a test from the CPU, as the kernel counted it.

A time that is told and a time that is expected may differ by that much and no more: on a machine at
rest a bound stays as tight as it is written, and on a busy one it does not fail by chance.
"""
import contextlib
import os

import harness


def field(path, number):
    """A number in the first line of a file of /proc; 0 when what it tells of has ended."""
    try:
        with open(path) as file:
            return int(file.readline().split()[number])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def waited_ms(pid):
    """How long the threads of a process have been ready to run, and did not."""
    with contextlib.suppress(FileNotFoundError):
        return sum(field("/proc/%d/task/%s/schedstat" % (pid, thread), 1)
                   for thread in os.listdir("/proc/%d/task" % pid)) / 1e6
    return 0


def throttled_ms(lrie):
    """How long lrie's own limits have kept its functions from running."""
    units, total = {"throttled_time": 1e-6, "throttled_usec": 1e-3}, 0
    for top in harness.cgroups_of(lrie.pid):
        for group, _, _ in os.walk(top):
            with contextlib.suppress(OSError), open(os.path.join(group, "cpu.stat")) as file:
                total += sum(units.get(name, 0) * int(value)
                             for name, value in map(str.split, file))
    return total


def disturbance_ms(lrie=None):
    """How long the rest of the machine has, so far, kept from the CPU what is measured: lrie, all
    below it, and this test. What lrie's limits have done is none."""
    stolen = field("/proc/stat", 8) * 1000 / os.sysconf("SC_CLK_TCK")
    total = stolen + waited_ms(os.getpid())
    if lrie:
        family = [lrie.pid] + [process.pid for process in harness.descendants(lrie.pid)]
        total += max(0, sum(map(waited_ms, family)) - throttled_ms(lrie))
    return total
