"""What a student does who has nothing but the letter."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import mails
from tests.support.laptop import Laptop, browser, fetch, open_jupyterlab, run_notebook, type_cell
from tests.support.letter import read_letter
from tools import PROJECT

NOTEBOOKS = sorted(path.name for path in (PROJECT / "templates/notebooks").glob("*.ipynb"))
FORBIDDEN, OK = 403, 200


@pytest.mark.parametrize("number", range(4))
def test_a_student_gets_in_and_the_notebooks_run(number: int, laptop: Laptop) -> None:
    letter = read_letter(mails()[number])
    # Every other student sits in a network that lets only 443 out.
    command = letter.tunnel if number % 2 == 0 else letter.tunnel_443
    with laptop.tunnel(letter, command):
        assert fetch("/api/contents", "")[0] == FORBIDDEN
        assert fetch("/api/contents", "wrong")[0] == FORBIDDEN
        assert fetch("/api/contents", letter.token)[0] == OK
        with browser() as page:
            assert set(open_jupyterlab(page, letter.link)) >= set(NOTEBOOKS)
            # All of them through each port; the others have the same environment, so the last will do.
            for name in NOTEBOOKS if number < 2 else NOTEBOOKS[-1:]:
                run_notebook(page, letter, name)
            page.mouse.move(800, 400)
            page.mouse.wheel(0, -850)  # from the last cell back to a plot
            page.wait_for_timeout(1000)
            (PROJECT / "build").mkdir(exist_ok=True)
            page.screenshot(path=PROJECT / f"build/jupyterlab-{letter.username}.png")
            # JupyterLab's own question, which it asks as soon as a page is there.
            assert page.get_by_text("official Jupyter news").count() == 0
            type_cell(page, letter, NOTEBOOKS[-1], f"# Typed in the browser by {letter.username}")


def test_a_student_sees_the_data_and_the_environment_over_ssh(laptop: Laptop) -> None:
    letter = read_letter(mails()[0])
    for port in (22, 443):
        shown = laptop.log_in(
            letter,
            "ls /home/ubuntu/machine_learning_aws/data",
            "python -c 'import sys, sklearn; print(sys.prefix, sklearn.__name__)'",
            "touch /home/ubuntu/machine_learning_aws/data/mine",
            port=port,
        )
        assert "iris.csv" in shown
        assert "/opt/conda/envs/conda_env sklearn" in shown
        assert "Permission denied" in shown


def test_jupyter_is_not_reached_from_another_host(laptop: Laptop) -> None:
    mine, other = read_letter(mails()[0]), read_letter(mails()[1])
    knock = (
        'python -c \'import socket; s = socket.socket(); s.settimeout(5); print("knock", s.connect_ex(("{}", 8888)))\''
    )
    addresses = (other.address, mine.address, "127.0.0.1")
    shown = laptop.log_in(mine, *(knock.format(address) for address in addresses))
    # 11: no answer, for the security group drops what comes from elsewhere. 111: refused, for Jupyter listens on the
    # machine's loopback alone. The last knock shows that the others would have seen an open port.
    assert re.findall(r"knock (\d+)", shown) == ["11", "111", "0"]


def test_a_tunnel_leads_to_the_own_port_alone(laptop: Laptop) -> None:
    letter = read_letter(mails()[0])
    with laptop.tunnel(letter, letter.tunnel.replace(":8888", ":22")), pytest.raises(ConnectionError):
        fetch("/api/contents", letter.token)
