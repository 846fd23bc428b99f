"""The look at a class: what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible_collections.machine_learning.classroom.plugins.action.class_status import ActionModule

from tests.support.machine_and_home import Way
from tests.support.status_class import StatusClass


@pytest.fixture
def made(tmp_path: Path) -> StatusClass:
    (tmp_path / "state").mkdir()
    return StatusClass(tmp_path / "state", size=2)


def look(made: StatusClass, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """Run the action."""
    given = {
        "instances": list(made.instances.values()),
        "students": list(made.accounts.values()),
        "accounts": made.accounts,
        "addresses": {name: account["email"] for name, account in made.accounts.items()},
        "class_name": "ml101",
        "state_dir": str(made.state),
        "home": str(made.state.parent / "home"),
        "max_hours": 0,
        "region": "us-east-1",
        "sends_letters": True,
        **options,
    }
    task = MagicMock(args=given, check_mode=check, async_val=0)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    variables = {
        "groups": {"machines": list(made.machines)},
        "hostvars": {seat: {"jupyter_answers": said} for seat, said in made.machines.items()},
    }
    result: dict[str, Any] = action.run(None, variables)
    return result


def test_the_page_is_private_and_replaced_in_one_step(made: StatusClass) -> None:
    page = made.state / "status.html"
    result = look(made)
    assert result["page"] == str(page)
    assert str(page) in result["msg"]
    first = page.stat()
    assert stat.S_IMODE(first.st_mode) == 0o600
    with page.open() as reader:  # a browser that is reading it
        made.seen("student02")["answering"] = {"student02": False}
        assert look(made)["changed"] is False
        assert "Jupyter is silent" not in reader.read()
    assert "Jupyter is silent" in page.read_text()
    assert page.stat().st_ino != first.st_ino
    assert sorted(path.name for path in made.state.iterdir()) == ["letters", "receipts", "status.html"]


def test_a_page_that_cannot_be_written_keeps_nobody_from_looking(made: StatusClass) -> None:
    page = made.state / "status.html"
    page.mkdir()
    result = look(made)
    assert "student02" in result["msg"]
    assert str(page) not in result["msg"]
    assert (result["page"], result["warnings"]) == (
        "",
        [f"{page} cannot be written (Is a directory). It is as it was."],
    )


def test_check_mode_and_a_part_of_the_class_write_no_page(made: StatusClass) -> None:
    for result in (look(made, check=True), look(made, write_page=False)):
        assert result["page"] == ""
        assert "student02" in result["msg"]
    assert not (made.state / "status.html").exists()


def test_a_class_of_which_nothing_is_remembered_stays_so(made: StatusClass, tmp_path: Path) -> None:
    assert look(made, state_dir=str(tmp_path / "other"))["page"] == ""
    assert not (tmp_path / "other").exists()


def test_it_says_when_work_was_last_at_home(made: StatusClass) -> None:
    way = Way(made.state.parent, username="student01", email="student01@example.com")
    (way.machine / "own.txt").write_text("mine")
    way.collect()  # as a collect of before, which did not remember it
    rows = [line.split() for line in look(made)["msg"].splitlines() if line.startswith("ml101-")]
    assert [" ".join(row[row.index("answers") + 2 :]).partition(" accepted")[0] for row in rows] == [
        "1 min 0 min ago",
        "2 min -",
    ]


def test_it_says_what_was_spent_where_prices_are_known(made: StatusClass) -> None:
    seen = {
        f"i-{number}": {
            "instance_type": "m6a.large",
            "students": [student] if student else [],
            "disk_gb": 73,
            "made": 0,
            "started": 0,
            "stops_by": 36000,
            "runs": True,
        }
        for number, student in enumerate(["student01", ""])
    }
    ledger: list[dict[str, Any]] = [{"at": at, "machines": seen if not at else {}, "gone": []} for at in (0, 36000)]
    (made.state / "running_hours.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in ledger))
    assert "COST" not in look(made)["msg"]  # nobody has asked for a price yet
    prices = {"m6a.large hour": "0.09", "IPv4 address hour": "0.01", "gp3 GB-month": "0.10"}
    today = datetime.now(UTC).date().isoformat()
    kept = {f"us-east-1 {name}": {"usd": usd, "asked_on": today} for name, usd in prices.items()}
    (made.state / "prices.json").write_text(json.dumps(kept))
    said = look(made)["msg"]  # 10 h at 0.10 $ and 73 GiB for 10 h of 730 at 0.10 $, for each of the two machines
    assert " 1.10 $ " in next(line for line in said.splitlines() if line.startswith("ml101-001"))
    assert said.splitlines()[-2].endswith(" · cost so far: 2.20 $")
    assert "<dd>2.20 $</dd>" in (made.state / "status.html").read_text()
    by_hand = look(made, price_per_hour=0.2, write_page=False)["msg"]
    assert " 2.10 $ " in by_hand
    assert "cost so far" not in by_hand  # of a part of the class nobody has summed it up


def test_an_unreadable_history_is_not_known_and_stops_nobody(made: StatusClass) -> None:
    history = made.state.parent / "home/.history/student01.git"
    history.mkdir(parents=True)
    (history / "owner.json").write_text('{"class": "ml101", "email": "student01@example.com"}')
    assert "student01" in look(made)["msg"]
