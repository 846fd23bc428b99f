"""Answers in pages, as EC2 cuts them: instances one by one, and never more than a thousand of anything."""

from __future__ import annotations

import copy
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidInstanceIdError, InvalidParameterCombination
from moto.ec2.responses import EC2Response

from lab.lateness import LATENESS
from lab.limits import MOST_RESULTS

if TYPE_CHECKING:
    from collections.abc import Sequence


class PagedResponse(EC2Response):  # type: ignore[misc]  # moto has no types
    """EC2's actions; moto cuts by reservations, so that a launch of any size comes on one page."""

    def describe_instances(self) -> Any:
        """DescribeInstances: a page, and the token of the next one."""
        self.error_on_dryrun()
        ids, asked = self._get_param("InstanceIds", []), self._get_param("MaxResults")
        if ids and asked:
            message = "The parameter instancesSet cannot be used with the parameter maxResults"
            raise InvalidParameterCombination(message)
        filters = self._filters_from_querystring()
        if ids:
            reservations = self.ec2_backend.get_reservations_by_instance_ids(ids, filters=filters)
        else:
            reservations = self.ec2_backend.describe_instances(filters=filters)
        found = [(reservation, instance) for reservation in reservations for instance in reservation.instances]
        hidden = LATENESS.hidden([instance.id for _, instance in found])
        if ids and hidden:
            raise InvalidInstanceIdError(hidden)
        found = [(reservation, instance) for reservation, instance in found if instance.id not in hidden]
        begin, size = self._begin(self._get_param("NextToken")), int(asked or MOST_RESULTS)
        page = []
        for _, pairs in groupby(found[begin : begin + size], key=lambda pair: pair[0].id):
            (first, *_), instances = zip(*pairs, strict=True)
            page.append(copy.copy(first))
            page[-1].instances = list(instances)
        token = str(begin + size) if begin + size < len(found) else None
        return ActionResult({"Reservations": page, "NextToken": token})

    def create_tags(self) -> Any:
        """CreateTags: what it sets may be read a moment later."""
        tags = self.ec2_backend.tags
        before = {each: dict(tags[each]) for each in self._get_param("Resources", []) if each in tags}
        result = super().create_tags()
        if LATENESS.tags_s:
            tags.update(before)
            tags_set = {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}
            LATENESS.tag(partial(self.ec2_backend.create_tags, list(before), tags_set))
        return result

    def describe_instance_status(self) -> Any:
        """DescribeInstanceStatus: by its id, nothing that is not shown yet."""
        if hidden := LATENESS.hidden(self._get_param("InstanceIds", [])):
            raise InvalidInstanceIdError(hidden)
        return super().describe_instance_status()

    def paged(self, name: str, found: Sequence[Any]) -> Any:
        """Answer with a page of what was `found`, and the token of the next one."""
        begin, size = self._begin(self._get_param("NextToken")), int(self._get_param("MaxResults") or MOST_RESULTS)
        token = str(begin + size) if begin + size < len(found) else None
        return ActionResult({name: found[begin : begin + size], "NextToken": token})

    @staticmethod
    def _begin(token: str | None) -> int:
        if token and not token.isdecimal():
            raise EC2ClientError("InvalidNextToken", f"The token '{token}' is invalid")
        return int(token or 0)
