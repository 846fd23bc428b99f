"""A student deletes a notebook in the morning, and brings it back without asking anybody."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

from tests.support.class_machines import running
from tests.support.commands import STATE, on_all_machines, on_machine, play

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "/home/ubuntu/machine_learning_aws/daily_user"
# Each line of what follows is one that a student types, or the timer's own work.
AS_STUDENT = """
set -eu
student=$(ls {folder} | head -n 1)
as_student() {{ runuser -u "$student" -- sh -euc "cd {folder}/$student; $1"; }}
save() {{ systemctl start "my-work@$student.service"; }}
{lines}
"""


def as_student(*lines: str) -> str:
    """Run lines on the first machine, where there is a `student`, and return what they print."""
    return on_machine(next(iter(running())), AS_STUDENT.format(folder=FOLDER, lines="\n".join(lines)))


def test_the_timer_of_each_student_runs() -> None:
    shown = on_all_machines(
        f"for student in $(ls {FOLDER}); do systemctl is-active my-work@$student.timer; done; "
        "systemctl list-units --failed --plain --no-legend 'my-work@*'",
    )
    assert "inactive" not in shown
    assert "failed" not in shown
    last = '"$(systemctl show --property LastTriggerUSec --value "my-work@$student.timer")"'
    shown = as_student(f"for _ in $(seq 60); do [ -z {last} ] || break; sleep 1; done", f"echo last: {last} :last")
    assert re.search(r"last: .*20\d\d-.* :last", shown)


def test_a_deleted_notebook_comes_back_by_one_command() -> None:
    shown = as_student(
        "as_student 'printf \"my essay\\r\\n\" > essay.ipynb'",
        "sleep 3; save",
        "as_student 'rm essay.ipynb'",
        "save",
        "as_student my-work",
        "as_student 'bring-back essay.ipynb; od -An -c essay.ipynb'",
        "as_student 'echo other > essay.ipynb; bring-back essay.ipynb; cat essay.ipynb; ls; rm essay*'",
    )
    assert "deleted  essay.ipynb" in shown
    assert "It is here: " in shown
    assert r"m   y       e   s   s   a   y  \r  \n" in shown
    assert "essay.from-" in shown
    assert "\nother\n" in shown


def test_a_nearly_full_disk_gets_room_from_the_trash_of_what_is_saved() -> None:
    shown = as_student(
        # The session has mounts of its own, as sshd has; a service sees those of the system.
        'of_system() { nsenter --target 1 --mount "$@"; }',
        "trash=/home/$student/.local/share/Trash",
        "as_student 'printf saved > saved.txt; mkdir -p ~/.local/share/Trash'",
        "sleep 3; save",
        'of_system mount -t tmpfs -o size=4m,mode=700,uid="$(id -u "$student")" tmpfs "$trash"',
        "trap 'of_system umount \"$trash\"' EXIT",
        f"as_student 'cd ~/.local/share/Trash; mkdir files info; mv {FOLDER}/'$student'/saved.txt files'",
        "as_student 'printf never > ~/.local/share/Trash/files/never.txt'",
        'save; echo "with room: $(ls -x "$trash/files")"',
        'head --bytes 3900K /dev/zero > "$trash/filler"',
        'save; echo "without: $(ls -x "$trash/files")"',
        "as_student 'my-work; bring-back saved.txt; cat saved.txt; rm saved.txt'",
    )
    assert re.search(r"with room: never\.txt +saved\.txt", shown)
    assert re.search(r"without: never\.txt$", shown, re.MULTILINE)
    assert re.search(r"Removed from your trash, .*\n.* saved\.txt\n", shown)
    assert "\nsaved" in shown


def test_a_history_is_for_its_student_alone_and_saving_takes_little() -> None:
    shown = as_student(
        'stat --format "%U %a" /var/lib/my-work/"$student" | sed "s/$student/student/"',
        'setpriv --reuid nobody --clear-groups ls /var/lib/my-work/"$student" 2>&1 || true',
        'systemctl show --property Nice,IOSchedulingClass,Result "my-work@$student.service"',
    )
    assert "student 700" in shown
    assert "Permission denied" in shown
    assert "Nice=19" in shown
    assert "IOSchedulingClass=3" in shown
    assert "Result=success" in shown


def test_each_student_can_take_the_work_along(tmp_path: Path) -> None:
    shown = as_student("as_student 'echo mine > kept.txt'", 'echo "student: $student"')
    student = shown.partition("student: ")[2].split()[0]
    home = f"-e class_work_home={tmp_path}"
    said = play(f"collect.yml handback.yml {home}").stdout
    assert re.search(rf"{STATE}/class/handback/{student}\.zip +not yet", said)
    with zipfile.ZipFile(STATE / "class" / "handback" / f"{student}.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("work/kept.txt") == b"mine\n"
        assert b'href="work/kept.txt"' in archive.read("index.html")
    assert re.search(rf"{student}\.zip +taken 20", play(f"handback.yml {home} -e taken={student}").stdout)
    assert play(f"handback.yml {home} -e taken=nobody", check=False).returncode != 0
    as_student("as_student 'rm kept.txt'")


def test_what_was_only_saved_on_the_machine_comes_home_and_is_found_by_its_time(tmp_path: Path) -> None:
    shown = as_student(
        "as_student 'echo draft > draft.txt'",
        "sleep 3; save; date -u +saved:%Y-%m-%dT%H:%M:%S+00:00; sleep 2",
        "as_student 'rm draft.txt'",
        'echo "student: $student"',
    )
    saved = shown.partition("saved:")[2].split()[0]
    student = shown.partition("student: ")[2].split()[0]
    home = f"-e class_work_home={tmp_path}"
    said = play(f"collect.yml --check {home}").stdout
    assert re.search(rf"{student}: .* versions? saved on the machine would come along", said)
    said = play(f"collect.yml {home}").stdout
    assert re.search(rf"{student}: .* versions? saved on the machine came along", said)
    assert not (tmp_path / student / "draft.txt").exists()
    assert "came along" not in play(f"collect.yml {home}").stdout
    said = play(f"restore.yml -e student={student} -e at={saved} {home}").stdout
    assert "as the machine had saved it" in said
    shown = as_student("as_student 'cat restored-*/draft.txt; ls; rm -r restored-*'")
    assert "draft\n" in shown
    assert "\ndraft.txt" not in shown
