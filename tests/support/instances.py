"""Machines as `amazon.aws.ec2_instance_info` returns them, and work as role work reports it."""

from __future__ import annotations

from typing import Any


def instance(seat: str, students: str, state: str = "running") -> dict[str, Any]:
    """Return the machine that has `seat`, with its students' usernames, separated by spaces."""
    tags = {"Name": seat, "Students": students}
    return {"instance_id": f"i-{seat}", "state": {"name": state}, "tags": tags}


def work(username: str, reason: str = "") -> dict[str, Any]:
    """Return what is known of a student's work after a collect: safe, if there is no reason why not."""
    return {"username": username, "verified": not reason, "reason": reason}
