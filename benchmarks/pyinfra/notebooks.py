"""Deploy what the role notebooks gives to every student."""

from pathlib import Path

from pyinfra import host
from pyinfra.operations import files

FOLDER = f"{host.data.project_machine_dir}/daily_user"
SOURCE = Path(host.data.project_dir, host.data.class_notebooks_directory)

files.directory(name="Make the folder of folders", path=FOLDER, user="root", group="root", mode="711")
for student in host.data.machine_students:
    username = student["username"]
    own = f"{FOLDER}/{username}"
    files.directory(name="Make the student's folder", path=own, user=username, group=username, mode="700")
    for notebook in sorted(SOURCE.iterdir()):
        files.put(
            name=f"Give {notebook.name}",
            src=str(notebook),
            dest=f"{own}/{notebook.name}",
            user=username,
            group=username,
            mode="644",
        )
