"""What the AWS command line does of the lines that docs/first-day.md has: `python -m tests.support.aws_command ec2 …`.

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


def value_of(text: str, kind: str) -> Any:
    """Read the value of an option: text, or a filter in shorthand, such as `Name=default-for-az,Values=true`."""
    if kind != "list":
        return text
    name, _, values = text.partition(",Values=")
    return [{"Name": name.removeprefix("Name="), "Values": values.split(",")}]


def main(service: str, action: str, *options: str) -> None:
    """Ask AWS, and print what `--query` picks of the answer."""
    make: Any = boto3.client
    client = make(service)
    method = action.replace("-", "_")
    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    members = {f"--{xform_name(name, '-')}": (name, shape) for name, shape in operation.input_shape.members.items()}
    given = dict(zip(options[::2], options[1::2], strict=True))
    query = given.pop("--query", "@")
    asked = {members[option][0]: value_of(text, members[option][1].type_name) for option, text in given.items()}
    answer = getattr(client, method)(**asked)
    del answer["ResponseMetadata"]
    print(json.dumps(jmespath.search(query, answer), indent=4, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
