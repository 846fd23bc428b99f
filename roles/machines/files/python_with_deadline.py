#!/usr/bin/env python3
"""Run PYTHON with these arguments, and have the kernel end it DEADLINE_S seconds later.

An interpreter for Ansible's modules, for a task that must not go on behind the run's back: an alarm outlives exec, so
it is the module itself that gets SIGALRM. `timeout` leaves its module behind, and so does `async` at times: a module
that begins before its watcher has put it into a group of its own is not in the group that is killed.
"""

import os
import signal
import sys

signal.signal(signal.SIGALRM, signal.SIG_DFL)  # what is ignored stays so across exec
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
signal.alarm(int(os.environ["DEADLINE_S"]))
os.execv(os.environ["PYTHON"], [os.environ["PYTHON"], *sys.argv[1:]])  # noqa: S606 - nothing here is for a shell
