"""What EC2 answers here and not in plain moto: launches, consoles, images."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

import moto.ec2.models.elastic_network_interfaces as moto_interfaces
import moto.ec2.models.instances as moto_instances
import moto.ec2.urls as ec2_urls
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError

from lab import backends, hosts
from lab.instances import LabInstance
from lab.pages import PagedResponse

if TYPE_CHECKING:
    from lab.fleet import Fleet


class LabResponse(PagedResponse):
    """EC2's actions."""

    # The same for all: moto makes one for each request.
    fleet: ClassVar[Fleet]

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
        free = self.fleet.addresses.free(self.fleet.used_addresses())
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
        self.fleet.image_later(instance_id, ami, reboot=not self._get_bool_param("NoReboot", False))
        return ActionResult({"ImageId": ami.id})


def install(fleet: Fleet) -> None:
    """Put the lab's services in moto's place, with the hosts of `fleet` behind them."""
    backends.install()
    LabInstance.fleet = LabResponse.fleet = fleet
    moto_instances.Instance = LabInstance
    moto_interfaces.random_public_ip = fleet.take_address
    ec2_urls.url_paths = {"{0}/": LabResponse.dispatch}
