"""What the AWS APIs answer here and not in plain moto: launches, consoles, images, public parameters, quotas."""

from __future__ import annotations

import hashlib
from typing import Any

import moto.ec2.models.elastic_network_interfaces as moto_interfaces
import moto.ec2.models.instances as moto_instances
import moto.ec2.urls as ec2_urls
import moto.servicequotas.urls as servicequotas_urls
import moto.ssm.urls as ssm_urls
from moto import settings
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.servicequotas.models import ServiceQuotasBackend, servicequotas_backends
from moto.ssm.models import Parameter, SimpleSystemManagerBackend, ssm_backends

from lab import hosts, image
from lab.instances import VCPU_QUOTAS, Fleet, LabEC2, LabInstance, fleet, use


class LabResponse(EC2Response):  # type: ignore[misc]  # moto has no types
    """EC2's actions."""

    def run_instances(self) -> Any:
        """RunInstances with MinCount and MaxCount, and with a client token that launches once."""
        token = self._get_param("ClientToken")
        parameters = hashlib.sha256(repr(sorted(self.querystring.items())).encode()).hexdigest()
        if token in self.ec2_backend.client_tokens:
            reservation, same = self.ec2_backend.client_tokens[token]
            if parameters != same:
                message = "The client token you have provided was used with different parameters."
                raise EC2ClientError("IdempotentParameterMismatch", message)
            return ActionResult(self.ec2_backend.reservations[reservation])
        least, most = int(self._get_param("MinCount", 1)), int(self._get_param("MaxCount", 1))
        if not 1 <= least <= most:
            raise EC2ClientError("InvalidParameterValue", "MinCount must be at least 1 and at most MaxCount.")
        free = fleet().addresses.free(fleet().used_addresses())
        if free < least:
            raise EC2ClientError("InsufficientFreeAddressesInSubnet", f"The lab has {free} addresses left.")
        self.params["MinCount"] = min(most, free)  # moto launches as many as MinCount says
        before = set(self.ec2_backend.reservations)
        result = super().run_instances()
        if token:
            (made,) = set(self.ec2_backend.reservations) - before
            self.ec2_backend.client_tokens[token] = (made, parameters)
        return result

    def get_console_output(self) -> Any:
        """GetConsoleOutput: what the host really wrote."""
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        output = Base64EncodedString.from_raw_string(hosts.console(instance.id))
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})

    def create_image(self) -> Any:
        """CreateImage: reboots the machine unless told not to."""
        self.error_on_dryrun()
        instance_id = self._get_param("InstanceId")
        ami = self.ec2_backend.create_image(
            instance_id,
            self._get_param("Name"),
            self._get_param("Description", ""),
            tag_specifications=self._get_param("TagSpecifications", []),
        )
        fleet().image_later(instance_id, ami, reboot=not self._get_bool_param("NoReboot", False))
        return ActionResult({"ImageId": ami.id})


class LabParameters(SimpleSystemManagerBackend):  # type: ignore[misc]  # moto has no types
    """SSM with the public parameters in which vendors publish their images."""

    _url_module = ssm_urls  # moto derives it from the module's name

    def __init__(self, region_name: str, account_id: str) -> None:
        """Start with the parameters of the lab's images."""
        super().__init__(region_name, account_id)
        for release in image.RELEASES:
            self._parameters[release.parameter] = [
                Parameter(
                    account_id=account_id,
                    name=release.parameter,
                    value=release.ami,
                    parameter_type="String",
                    description=None,
                    allowed_pattern=None,
                    keyid=None,
                    last_modified_date=utcnow(),
                    version=1,
                    data_type="aws:ec2:image",
                )
            ]


class LabQuotas(ServiceQuotasBackend):  # type: ignore[misc]  # moto has no types
    """Service Quotas with those that a class runs into."""

    _url_module = servicequotas_urls

    def get_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        """Answer GetServiceQuota."""
        known = next((each for each in VCPU_QUOTAS if (service_code, quota_code) == ("ec2", each.code)), None)
        if known is None:
            quota: dict[str, Any] = super().get_service_quota(service_code, quota_code)
            return quota
        return {
            "ServiceCode": "ec2",
            "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
            "QuotaCode": known.code,
            "QuotaName": known.name,
            "Value": known.limit,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def install_services() -> None:
    """Put the lab's services in moto's place, without hosts. Before moto answers its first request."""
    settings.ENABLE_KEYPAIR_VALIDATION = True
    settings.EC2_ENABLE_INSTANCE_TYPE_VALIDATION = True
    ec2_backends.backend = LabEC2
    ssm_backends.backend = LabParameters
    servicequotas_backends.backend = LabQuotas


def install(new: Fleet) -> None:
    """Put the lab's services in moto's place, with the hosts of `new` behind them."""
    use(new)
    install_services()
    moto_instances.Instance = LabInstance
    moto_interfaces.random_public_ip = new.take_address
    ec2_urls.url_paths = {"{0}/": LabResponse.dispatch}
