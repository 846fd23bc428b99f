"""The CPU of burstable instance types: a new machine with `standard` credits runs at its baseline.

Credits that a machine earns while it rests are not modelled: it stays at the baseline that it starts from, since
t3, t3a and t4g get no launch credits. Those of t2 get some, and `unlimited` ones pay for what they use.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-standard-mode-concepts.html
"""

from __future__ import annotations

from moto.ec2.models.instance_types import INSTANCE_TYPES

FAMILIES = ("t3", "t3a", "t4g")
# Of each vCPU, in percent, by size: the same for all families.
BASELINES = {"nano": 5, "micro": 10, "small": 20, "medium": 20, "large": 30, "xlarge": 40, "2xlarge": 40}


def cpus(instance_type: str, credits_of: str) -> float | None:
    """Return how many of this machine's CPUs a new machine may use; None where nothing but their number limits it."""
    family, _, size = instance_type.partition(".")
    if family not in FAMILIES or credits_of != "standard":
        return None
    return int(INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"]) * BASELINES[size] / 100
