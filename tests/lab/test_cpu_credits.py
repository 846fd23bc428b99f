"""What a burstable machine has of a CPU when it is new, beside one that is not burstable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.machines import Machines

SECONDS = 5
BASELINE = 2 * 0.3  # CPUs of a t3a.large
BUSY = f"timeout {SECONDS} sh -c 'while :; do :; done'"
# CPU seconds of two loops together, and how often the host was made to wait.
BURN = f"""
TIMEFORMAT=%U
time {{ {BUSY} & {BUSY} & wait; }}
grep -h nr_throttled /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu.stat 2> /dev/null || true
"""


def test_a_new_machine_with_standard_credits_runs_at_its_baseline(machines: Machines) -> None:
    (slow,) = machines.launch(InstanceType="t3a.large", CreditSpecification={"CpuCredits": "standard"})
    (paid,) = machines.launch(InstanceType="t3a.large")
    (whole,) = machines.launch(InstanceType="m6a.large")
    machines.wait("running", slow, paid, whole)
    used, throttled = {}, {}
    for each in (slow, paid, whole):
        seconds, _, times = machines.say(each, f"exec 2>&1; {BURN}").split()
        used[each], throttled[each] = float(seconds), int(times)
    assert throttled[slow] > 0
    assert throttled[paid] == throttled[whole] == 0
    # The others were never made to wait: they had what this computer had left, which may be little beside other tests.
    assert used[slow] < 1.2 * BASELINE * SECONDS
    machines.terminate(slow, paid, whole)
