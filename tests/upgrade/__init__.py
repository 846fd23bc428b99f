"""Classes that older versions of the project made go on with this one."""
