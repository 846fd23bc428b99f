#!/usr/bin/python
"""Let browsers in over https, from any network."""

from __future__ import annotations

DOCUMENTATION = r"""
module: front
short_description: Let browsers in over https, from any network
description:
  - Installs haproxy from the distribution and certbot from wheels, lays their settings, and has both run, at boot too.
  - Port 443 is handed over from sshd in one process of systemd's, which takes it back if haproxy does not come to hold
    it. haproxy leads ssh on to sshd.
  - Asks for the certificate where there is none. That it fails is no failure of the module, since ssh works.
  - For names it asks for an account alone, which their records are to say. Once they lead to the machine,
    M(machine_learning.classroom.front_certificate) asks for the rest.
  - A secret that was in a link to another address is refused.
  - An action plugin of the same name sends pip to machines that need it.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  state:
    description:
      - With V(present) browsers are let in.
      - With V(installed) haproxy and certbot are there, and nothing else is done.
      - With V(absent) nothing of it runs any more, links are forgotten, and the port goes back to sshd in one process
        of systemd's. Sessions that came through the front end. What was installed stays, and the certificates.
    type: str
    choices: [present, installed, absent]
    default: present
  hosts:
    description: What each student's browser calls the machine, by username; no two the same.
    type: dict
    required: true
  link_secrets:
    description: The secret in each student's link, by username.
    type: dict
    required: true
  jupyter_tokens:
    description: The token that opens each student's Jupyter, by username.
    type: dict
    required: true
  page_words:
    description: The word by which each student's stable page knows the machine, by username.
    type: dict
    default: {}
  files:
    description: The texts of what haproxy reads, by name; the lists of hosts, keys, tokens and words come beside them.
    type: dict
    required: true
  units:
    description: The texts of units, by name, and of what is laid beside those of others, as C(UNIT.d/NAME.conf).
    type: dict
    required: true
  state_directory:
    description: Where certificates and the account with the authority are kept.
    type: path
    required: true
  admin_socket:
    description: Where haproxy takes commands.
    type: path
    required: true
  acme_directory:
    description: The address at which the certificates' authority says what it offers.
    type: str
    required: true
  address_profile:
    description: The authority's kind of certificate for a bare address.
    type: str
    default: shortlived
  certbot_requirements:
    description: certbot as a list of requirements with hashes.
    type: str
    required: true
  mirror_url:
    description: A web address with a Python package index at C(simple/); empty for pip's own.
    type: str
    default: ""
  apt_source:
    description: A line of apt's C(sources.list) with a repository that has haproxy; empty for the machine's own.
    type: str
    default: ""
  pip_archive:
    description: Where pip lies on the machine, as a zip file. Filled in by the action plugin where it is needed.
    type: path
    default: ""
  sshd_config_file:
    description: The file in which sshd is told its ports.
    type: path
    required: true
  ssh_ports:
    description: The ports of sshd where there is no front. If the front's is one of them, it is given back.
    type: list
    elements: int
    default: [22]
  time_limit:
    description: For haproxy and certbot to be installed, in seconds, each.
    type: int
    default: 600
  ssh_closed_to:
    description:
      - A group whom sshd lets in no more once there is a valid certificate, so that nobody is ever without a way in.
        Others take that back. Empty for nobody.
    type: str
    default: ""
attributes:
  check_mode:
    details: Asks the front once whether it answers if all else is as it should be.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Let browsers in over https
  machine_learning.classroom.front:
    hosts: {ada: "192.0.2.7"}
    link_secrets: {ada: "{{ secret }}"}
    jupyter_tokens: {ada: "{{ token }}"}
    files: "{{ front_files }}"
    units: "{{ front_units }}"
    state_directory: /var/lib/machine_learning_aws/front
    admin_socket: /run/class-front/admin.sock
    acme_directory: https://acme-v02.api.letsencrypt.org/directory
    certbot_requirements: "{{ lookup('ansible.builtin.file', 'certbot.txt') }}"
    sshd_config_file: /etc/ssh/sshd_config.d/10-machine-learning-class.conf
"""

RETURN = r"""
account:
  description: The address of the machine's account with the authority; empty as long as it has none.
  type: str
  returned: success
certificate_due:
  description: Whether there is no certificate for O(hosts) that is valid.
  type: bool
  returned: success
certificate_until:
  description: When the certificate in use ends, in ISO 8601; empty if there is none.
  type: str
  returned: with O(state=present)
certificate_trouble:
  description: Why there is no newer certificate, in the authority's words; empty if none is due.
  type: str
  returned: with O(state=present)
certificate_since:
  description: When that trouble began, in ISO 8601; empty without trouble.
  type: str
  returned: with O(state=present)
certificate_again:
  description: When the machine tries again by itself, in ISO 8601; empty without trouble.
  type: str
  returned: with O(state=present)
client_missing:
  description: Nothing was done, because certbot is missing and so is pip to install it. For the action plugin.
  type: bool
  returned: when it is so
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.front import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
