"""An instance's metadata options: what EC2 takes for them, and what they are where nobody says.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import MetadataOptions

if TYPE_CHECKING:
    from collections.abc import Container

    from moto.ec2.models.amis import Ami

# What EC2 takes, and moto's name for it.
ALLOWED: dict[str, tuple[str, Container[Any]]] = {
    "HttpEndpoint": ("http_endpoint", ("enabled", "disabled")),
    "HttpProtocolIpv6": ("http_protocol_ipv6", ("enabled", "disabled")),
    "HttpPutResponseHopLimit": ("http_put_response_hop_limit", range(1, 65)),
    "HttpTokens": ("http_tokens", ("optional", "required")),
    "InstanceMetadataTags": ("instance_metadata_tags", ("enabled", "disabled")),
}
# An image that says so was made for version 2 of the metadata service.
VERSION_2 = "v2.0"
BY_IMAGE = {VERSION_2: {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}}


def imds_support(ami: Ami | None) -> str | None:
    """Return for which version of the metadata service the image was made. moto's own images do not say."""
    return getattr(ami, "imds_support", None)


def at_launch(asked: dict[str, Any], ami: Ami) -> dict[str, Any]:
    """Return the options of a launch: what it asks for, then what goes with the image; moto adds EC2's defaults."""
    options = {**BY_IMAGE.get(imds_support(ami) or "", {}), **asked}
    _require_allowed(MetadataOptions(options))
    return options


def changed(options: MetadataOptions, asked: dict[str, Any]) -> MetadataOptions:
    """Return the options after ModifyInstanceMetadataOptions: those that are not asked for stay as they are."""
    result = copy.copy(options)
    for parameter, (name, _) in ALLOWED.items():
        if asked.get(parameter) is not None:
            setattr(result, name, asked[parameter])
    _require_allowed(result)
    return result


def _require_allowed(options: MetadataOptions) -> None:
    for parameter, (name, allowed) in ALLOWED.items():
        value = getattr(options, name)
        if value not in allowed:
            raise EC2ClientError("InvalidParameterValue", f"Value ({value}) for parameter {parameter} is invalid.")
