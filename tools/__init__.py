"""What developers run: generated pages, house rules, stages of the tests, scenarios of molecule, mutants."""

from pathlib import Path

PROJECT = Path(__file__).parents[1]
COLLECTION = PROJECT / "collections" / "ansible_collections" / "machine_learning" / "classroom"
