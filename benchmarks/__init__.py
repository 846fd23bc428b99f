"""Measurements; they are never tests. `python -m benchmarks --help` says what can be measured.

Each folder or file has one matter: `parts/` what runs and in which order, `measure.py` what one run takes, `classes.py`
classes on the lab, `goals.py` what is to be shown, `page.py` docs/performance.md. Apart from them, by itself,
`collect.py`.
"""
