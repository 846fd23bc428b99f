"""The guides: what they link to is there."""

from __future__ import annotations

import re

import pytest

from tools import PROJECT, house_rules

# So much does a managed policy hold, white space not counted:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_POLICY = 6144

PAGES = [name for name in house_rules.files() if name.endswith(".md")]


def anchors(text: str) -> set[str]:
    """Name the headings of a page as links do."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = PROJECT / name
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_guide_is_reached_from_the_readme() -> None:
    reached: set[str] = set()
    waiting = ["README.md"]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        links = re.findall(r"\]\(([^)\s#:]+\.md)", (PROJECT / name).read_text(encoding="utf-8"))
        waiting += [str(((PROJECT / name).parent / link).resolve().relative_to(PROJECT)) for link in links]
    guides = {name for name in PAGES if name.startswith(("docs/", "roles/"))}
    assert guides <= reached


def test_the_policy_is_taken_as_the_guide_gives_it_to_a_user() -> None:
    assert "aws iam create-policy --policy-name" in (PROJECT / "docs/aws.md").read_text(encoding="utf-8")
    policy = (PROJECT / "docs/aws-policy.json").read_text(encoding="utf-8")
    assert len("".join(policy.split())) <= MANAGED_POLICY
