"""The screen itself: what failures of any kind look like, and that -v still shows all."""

from __future__ import annotations

import yaml

from tests.support.desk import Desk
from tools import PROJECT

PLAY = """
- hosts: ml101-001
  gather_facts: false
  ignore_unreachable: true
  tasks:
    - name: Reach it
      ansible.builtin.command: "true"
      vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Look at much
      ansible.builtin.command: "true"
      changed_when: item == "two"
      loop: [one, two]
    - name: Wait a moment
      ansible.builtin.command: "false"
      changed_when: false
      register: waited
      until: waited.attempts == 2
      failed_when: false # the screen of a retry is looked at, not its end
      delay: 0
    - name: Leave out
      ansible.builtin.command: "true"
      when: false
    - name: Show a table
      ansible.builtin.debug: {msg: "SEAT  STUDENT\\nml101-001  ada"}
    - name: Do much
      ansible.builtin.command: "ls /no/{{ item }}"
      loop: [one, two]
      ignore_errors: true # the next failure has to be shown, too
    - name: Crash
      crash:
      ignore_errors: true # the next failure has to be shown, too
    - name: Handle a secret
      ansible.builtin.command: ls /no/s3cret
      no_log: true
"""
# The second machine changes nothing before all is said of the first, and none waits for another.
FREE = """
- hosts: all
  gather_facts: false
  strategy: host_pinned
  vars:
    wait: timeout 60 sh -c 'until grep -qF "[quick] => (item=two)" "$ANSIBLE_LOG_PATH"; do sleep 0.1; done'
  tasks:
    - name: Change {{ 'it' }}
      ansible.builtin.command: "{{ wait if inventory_hostname == 'slow' else 'true' }}"
    - name: Change both
      ansible.builtin.command: "true"
      loop: [one, two]
"""
# Of a play that a class has no use for, all that is begun is skipped.
SKIPPED = """
- name: Do what nobody wants
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Leave out
      ansible.builtin.command: "true"
      when: false
    - name: Leave out more
      ansible.builtin.include_role: {name: machines, tasks_from: find}
      when: false
- name: Do one of two things
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Leave out
      ansible.builtin.command: "true"
      when: false
    - name: Do it
      ansible.builtin.command: "true"
      when: true
- name: Fail
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Fail at once
      ansible.builtin.fail: {msg: It cannot be.}
      when: true
"""
CRASH = "raise KeyError('a wall of text')\n"


def test_a_failure_is_a_few_lines_whoever_made_it(desk: Desk) -> None:
    (desk.home / "library").mkdir()
    (desk.home / "library/crash.py").write_text("#!/usr/bin/python\n# AnsibleModule(\n" + CRASH)
    (desk.home / "play.yml").write_text(PLAY)
    machine = {"ml101-001": {"aws_ec2_tags": {"Students": "ada grace"}}}
    local = yaml.safe_load((PROJECT / "inventory/10-control.yml").read_text())
    local["all"]["hosts"] = machine
    (desk.home / "hosts.yml").write_text(yaml.safe_dump(local))
    line = f"-i {desk.home}/hosts.yml {desk.home}/play.yml"
    shown = desk.play(line)
    *_, crash, secret = shown.failures
    assert crash.splitlines()[-2:] == ["KeyError: 'a wall of text'", "With -v the same command says more."]
    assert secret == (
        "It failed. What it said is hidden, since it may hold a secret.\nWith -v the same command says more."
    )
    lines = shown.text.splitlines()
    (unreachable,) = [line for line in lines if line.startswith("unreachable: ")]
    assert unreachable.startswith("unreachable: [ml101-001 (ada, grace)]: ")
    # Ansible leaves ssh a millisecond to end after it refused the data; if that is too short, it has no more to say.
    assert unreachable.endswith(("port 1: Connection refused", "reached over SSH: [Errno 32] Broken pipe"))
    table = lines.index("SEAT  STUDENT")
    assert lines[table - 1].startswith("TASK [Show a table]")
    assert lines[table + 1] == "ml101-001  ada"
    (item,) = [number for number, line in enumerate(lines) if line.startswith("failed: [localhost]: one: ")]
    assert lines[item : item + 3] == [
        "failed: [localhost]: one: The command exited with a non-zero return code.",
        "ls: cannot access '/no/one': No such file or directory",
        "With -v the same command says more.",
    ]
    assert "s3cret" not in shown.text
    begun = [number for number, line in enumerate(lines) if line.startswith("TASK [Look at much]")]
    assert len(begun) == 1
    said = [line for line in lines[begun[0] + 1 : table] if line and "***" not in line]
    assert said == ["changed: [localhost] => (item=two)"]
    assert any(line.startswith("TASK [Wait a moment]") for line in lines)
    assert "Leave out" not in shown.text
    everything = desk.play(f"{line} -v").text
    assert "fatal: [localhost]: FAILED! =>" in everything
    assert "s3cret" not in everything


def test_what_a_slower_machine_changes_is_one_line(desk: Desk) -> None:
    (desk.home / "play.yml").write_text(FREE)
    (desk.home / "hosts.yml").write_text("all: {hosts: {quick: , slow: }, vars: {ansible_connection: local}}")
    desk.environment["ANSIBLE_LOG_PATH"] = str(desk.home / "log")
    shown = desk.play(f"-i {desk.home}/hosts.yml {desk.home}/play.yml")
    assert shown.code == 0
    said = [line.rstrip(" *") for line in shown.text.partition("PLAY RECAP")[0].splitlines() if line]
    assert said == [
        "PLAY [all]",
        "TASK [Change it]",
        "changed: [quick]",
        "TASK [Change both]",
        "changed: [quick] => (item=one)",
        "changed: [quick] => (item=two)",
        "changed: [slow]: Change it",
        "changed: [slow] => (item=one)",
        "changed: [slow] => (item=two)",
    ]


def test_a_play_in_which_all_is_skipped_is_not_shown(desk: Desk) -> None:
    (desk.home / "play.yml").write_text(SKIPPED)
    line = f"-i inventory/10-control.yml {desk.home}/play.yml"
    shown = desk.play(line)
    said = [line.rstrip(" *") for line in shown.text.partition("PLAY RECAP")[0].splitlines() if line]
    assert said == [
        "PLAY [Do one of two things]",
        "TASK [Do it]",
        "changed: [localhost]",
        "PLAY [Fail]",
        "TASK [Fail at once]",
        "fatal: [localhost]: It cannot be.",
    ]
    assert "PLAY [Do what nobody wants]" in desk.play(f"{line} -v").text
