"""The text of a template, as Ansible's own lookup has it, but without a copy of all variables.

For each template that lookup copies all that Ansible knows: of the class, of each student's account, of each setting.
A machine is asked with six templates, so that each cost more the larger the class.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: template
short_description: The text of a template
description:
  - Does what P(ansible.builtin.template#lookup) does, but for its options, templates that include others, and
    C(ansible_managed) and the other variables that it adds. In return it copies no variables.
author: The machine_learning_aws developers (!UNKNOWN)
options:
  _terms:
    description: The files, as a role's tasks name them; looked for in its C(templates) first.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Listen on the ports of the class
  machine_learning.classroom.student_accounts:
    sshd_config: "{{ lookup('machine_learning.classroom.template', 'sshd.conf.j2') }}"
"""

RETURN = r"""
_raw:
  description: The text of each file.
  type: list
  elements: str
"""

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.shared_templates import sharing_templar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core ships no types
    """The lookup `machine_learning.classroom.template`."""

    def run(self, terms: Sequence[str], variables: Mapping[str, Any] | None = None, **_: Any) -> list[str]:
        """Return the text of each template."""
        return [self._render(name, variables or {}) for name in terms]

    def _render(self, name: str, variables: Mapping[str, Any]) -> str:
        path = self.find_file_in_search_path(variables, "templates", name)
        if not path:
            raise AnsibleError(f"There is no template {name}.")
        text = trust_as_template(self._loader.get_text_file_contents(path))
        templar = sharing_templar(self._templar, variables)
        return str(templar.template(text, escape_backslashes=False, overrides={"trim_blocks": True}))
