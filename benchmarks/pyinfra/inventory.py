"""The machines, as pyinfra wants them: from the file that the benchmark writes for all tools."""

import json
import os
from pathlib import Path

machines = list(json.loads(Path(os.environ["BENCH_PYINFRA_INVENTORY"]).read_text()).items())
