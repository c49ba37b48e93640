"""The keys of a backup, before settings are loaded. No Django."""

import json
from pathlib import Path

from config.backup.archive import BackupError, read_secrets
from config.folders import DataFolder
from config.installation import store_secrets


def take_over_keys(file: Path, folder: DataFolder) -> None:
    """Before settings are loaded, which read them: the keys of the backup become those of the folder. BackupError when
    it has others.
    """
    content = read_secrets(file)
    if folder.secrets.exists():
        if json.loads(folder.secrets.read_text()) != json.loads(content):
            raise BackupError(
                f"{folder.path} has keys of its own: restore into a new folder (--data-dir), which takes the backup's."
            )
        return
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    store_secrets(folder, json.loads(content))
