"""What EC2 answers of instances that are hosts: their room, their consoles, images of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import moto.ec2.models.elastic_network_interfaces as moto_interfaces
import moto.ec2.models.instances as moto_instances
import moto.ec2.urls as ec2_urls
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError

from lab import backends, hosts
from lab.instances import LabInstance
from lab.launches import LaunchResponse

if TYPE_CHECKING:
    from lab.fleet import Fleet


class LabResponse(LaunchResponse):
    """EC2's actions."""

    # The same for all: moto makes one for each request.
    fleet: ClassVar[Fleet]

    def run_instances(self) -> Any:
        """RunInstances: the CPU credits of burstable types are `unlimited` unless asked otherwise."""
        result = super().run_instances()
        asked = self._get_param("CreditSpecification.CpuCredits") or "unlimited"
        for instance in result.result.instances:
            instance.cpu_credits = asked
        return result

    def most(self, least: int, most: int) -> int:
        """Return for how many machines the lab has addresses."""
        free = self.fleet.addresses.free(self.fleet.used_addresses())
        if free < least:
            raise EC2ClientError("InsufficientFreeAddressesInSubnet", f"The lab has {free} addresses left.")
        return min(most, free)

    def console(self, instance_id: str) -> str:
        """Return what the host really wrote."""
        return hosts.console(instance_id)

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

    def deregister_image(self) -> Any:
        """DeregisterImage: what no host lives on any more takes no room."""
        result = super().deregister_image()
        self.fleet.remove_image_later(self._get_param("ImageId"))
        return result


def install(fleet: Fleet) -> None:
    """Put the lab's services in moto's place, with the hosts of `fleet` behind them."""
    backends.install()
    LabInstance.fleet = LabResponse.fleet = fleet
    moto_instances.Instance = LabInstance
    moto_interfaces.random_public_ip = fleet.take_address
    ec2_urls.url_paths = {"{0}/": LabResponse.dispatch}
