"""What the AWS command line does of lines on our pages and screens: `python -m tests.support.aws_command ec2 …`.

The command line itself is none of our tools, since each of its versions wants a botocore of its own. Services, actions
and options have the names that botocore gives them, as in the command line.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3
import jmespath
from botocore import xform_name


def value_of(words: list[str], kind: str) -> Any:
    """Read the value of an option: text, a list, or a filter in shorthand, as `Name=default-for-az,Values=true`."""
    if kind != "list":
        return words[0]
    if not words[0].startswith("Name="):
        return words
    name, _, values = words[0].partition(",Values=")
    return [{"Name": name.removeprefix("Name="), "Values": values.split(",")}]


def options_of(words: list[str]) -> dict[str, list[str]]:
    """Return the options of a command, each with the words up to the next one."""
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            found[word] = []
        else:
            found[list(found)[-1]].append(word)
    return found


def main(service: str, action: str, *words: str) -> None:
    """Ask AWS, and print what `--query` picks of the answer; or wait for what is asked."""
    waits = action == "wait"
    if waits:
        action, *words = words  # type: ignore[assignment]  # a list will do
    given = options_of([*words])
    make: Any = boto3.session.Session().client
    client = make(service, region_name=given.pop("--region", [None])[0])
    method = action.replace("-", "_")
    if waits:
        waiter = client.get_waiter(method)
        method = xform_name(waiter.config.operation)
    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    members = {f"--{xform_name(name, '-')}": (name, shape) for name, shape in operation.input_shape.members.items()}
    query = given.pop("--query", ["@"])[0]
    asked = {members[option][0]: value_of(text, members[option][1].type_name) for option, text in given.items()}
    if waits:
        waiter.wait(**asked)
        return
    answer = getattr(client, method)(**asked)
    del answer["ResponseMetadata"]
    print(json.dumps(jmespath.search(query, answer), indent=4, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
