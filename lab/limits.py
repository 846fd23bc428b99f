"""How much EC2 takes in one request: values of filters, ids, results a page, tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.api_request import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.api_request import ApiRequest

# Not in the documentation, but in what EC2 answers: https://github.com/gjbae1212/gossm/issues/47 and
# https://github.com/ansible-collections/amazon.aws/issues/2393
FILTER_VALUES = 200
FILTER_VALUE_LENGTH = 255
# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-pagination.html
IDS = 1000
LEAST_RESULTS, MOST_RESULTS = 5, 1000
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
TAGS = 50
TAG_KEY_LENGTH, TAG_VALUE_LENGTH = 128, 256
TAG_PREFIX = "aws:"

_FILTER_VALUE = re.compile(r"Filter\.\d+\.Value\.\d+")
_TAG_KEY = re.compile(r"(?P<of>(?:TagSpecification\.\d+\.)?Tag\.)(?P<number>\d+)\.Key")


class Limits:
    """The rule that refuses what is too much for one request."""

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return what EC2 says of the first limit that `request` exceeds."""
        if request.service != "ec2":
            return None
        return next((found for check in _CHECKS for found in check(request)), None)


def _filters(request: ApiRequest) -> Iterator[Refusal]:
    values = [value for key, value in request.parameters.items() if _FILTER_VALUE.fullmatch(key)]
    if len(values) > FILTER_VALUES:
        message = f"The maximum number of filter values specified on a single call is {FILTER_VALUES}"
        yield Refusal("FilterLimitExceeded", message)
    if any(len(value) > FILTER_VALUE_LENGTH for value in values):
        message = f"The maximum length for a filter value is {FILTER_VALUE_LENGTH} characters"
        yield Refusal("FilterLimitExceeded", message)


def _ids(request: ApiRequest) -> Iterator[Refusal]:
    if (named := len(request.listed("InstanceId"))) > IDS:
        yield Refusal("InvalidParameterValue", f"{named} instance IDs are more than the {IDS} of a single call.")


def _results(request: ApiRequest) -> Iterator[Refusal]:
    asked = request.parameters.get("MaxResults", "")
    if asked.isdecimal() and not LEAST_RESULTS <= int(asked) <= MOST_RESULTS:
        bound = f"greater than {LEAST_RESULTS}" if int(asked) < LEAST_RESULTS else f"less than {MOST_RESULTS}"
        message = f"Value ( {asked} ) for parameter maxResults is invalid. Expecting a value {bound}."
        yield Refusal("InvalidParameterValue", message)


def _tags(request: ApiRequest) -> Iterator[Refusal]:
    counted: dict[str, int] = {}
    for name, key in request.parameters.items():
        if not (tag := _TAG_KEY.fullmatch(name)):
            continue
        counted[tag["of"]] = counted.get(tag["of"], 0) + 1
        value = request.parameters.get(f"{tag['of']}{tag['number']}.Value", "")
        if key.lower().startswith(TAG_PREFIX):
            message = f"Tag keys starting with '{TAG_PREFIX}' are reserved for internal use"
            yield Refusal("InvalidParameterValue", f"Value ( {key} ) for parameter key is invalid. {message}")
        if not 1 <= len(key) <= TAG_KEY_LENGTH:
            message = f"Tag key exceeds the maximum length of {TAG_KEY_LENGTH} characters"
            yield Refusal("InvalidParameterValue", message)
        if len(value) > TAG_VALUE_LENGTH:
            message = f"Tag value exceeds the maximum length of {TAG_VALUE_LENGTH} characters"
            yield Refusal("InvalidParameterValue", message)
    if max(counted.values(), default=0) > TAGS:
        yield Refusal("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")


_CHECKS: tuple[Callable[[ApiRequest], Iterator[Refusal]], ...] = (_filters, _ids, _results, _tags)
