"""Templates that are compiled once, not by each worker of each run, and variables that a worker evaluates once.

Ansible has a process for each task on each machine, which ends with it, and keeps nothing that it compiled. A machine
is asked with a hundred templates, most of them variables that name others: to compile these was half of what the
question cost. Jinja has a remedy for programs that fork, its bytecode cache; here it lies in Ansible's own folder of
the user, as all workers of a run begin at once and would find nothing in one of the run. Only code is shared, by the
template's text: Ansible has Jinja evaluate nothing before it runs. Each worker runs it with the variables of its own
machine.

For each template Ansible also wraps all variables anew, and forgets what those that are templates came to: a variable
that many others name is evaluated for each of them. Ansible's own wrapped dictionary remembers, if it is given that.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible._internal._templating._engine import TemplateOptions
from ansible._internal._templating._jinja_bits import AnsibleEnvironment
from ansible._internal._templating._lazy_containers import _AnsibleLazyTemplateMixin
from ansible._internal._templating._utils import TemplateContext
from ansible.release import __version__
from jinja2 import FileSystemBytecodeCache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.template import Templar


@functools.cache
def folder() -> str:
    """Return where compiled templates are kept, one folder for each version of Ansible; made if it is not there."""
    kept = Path(constants.ANSIBLE_HOME, "machine_learning_aws", f"templates-{__version__}")
    try:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:  # as in a container whose home is closed: then for this run alone
        return str(constants.DEFAULT_LOCAL_TMP)
    return str(kept) if os.access(kept, os.W_OK) else str(constants.DEFAULT_LOCAL_TMP)


class SharedEnvironment(AnsibleEnvironment):  # type: ignore[misc]  # ansible-core ships no types
    """Ansible's environment of templates, which looks first whether another worker has compiled one."""

    def compile(self, source: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the code of a template."""
        # Ansible reads a backslash in one way or another, and an overlay has another syntax.
        if not isinstance(source, str) or "\\" in source or self.overlayed:
            return super().compile(source, *args, **kwargs)
        cache = FileSystemBytecodeCache(folder())
        bucket = cache.get_bucket(self, source, None, source)
        if bucket.code is None:
            bucket.code = super().compile(source, *args, **kwargs)
            cache.set_bucket(bucket)
        return bucket.code


def sharing_templar(templar: Templar, variables: Mapping[str, Any]) -> Templar:
    """Return a templar like this one, but for other variables, that shares what it compiles.

    It evaluates each variable once, at its first use: `variables` are those of one moment.
    """
    new = templar.copy_with_new_env(available_variables=variables)
    new._engine._environment = _environment(new.basedir)
    if type(variables) is dict:  # what another such templar evaluates is shared with it
        options = TemplateOptions.DEFAULT
        with TemplateContext(template_value="", templar=new._engine, options=options, stop_on_template=False):
            new.available_variables = _AnsibleLazyTemplateMixin._try_create(variables)
    return new


@functools.cache
def _environment(basedir: str) -> SharedEnvironment:
    """Return the worker's environment: one finds each filter once, and it knows no variables."""
    return SharedEnvironment(ansible_basedir=basedir)
