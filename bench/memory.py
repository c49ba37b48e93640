"""Peak memory of a running Weir: all processes of its supervisor, shared pages counted once (PSS).

    python bench/memory.py --data-dir .weir --seconds 60

Linux only: reads /proc/PID/smaps_rollup. Needs root when the database runs as its own system user.
"""

import argparse
import re
import time
from pathlib import Path

import psutil

PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def part_of(process: psutil.Process) -> str:
    if process.name().startswith("weir-"):
        return process.name().removeprefix("weir-")
    words = " ".join(process.cmdline())
    return next((part for part in ("front", "service", "postgres", "supervise") if part in words), "other")


def sample(supervisor: psutil.Process) -> dict[str, int]:
    """Bytes by part."""
    parts: dict[str, int] = {}
    for process in (supervisor, *supervisor.children(recursive=True)):
        try:
            pss = PSS.search(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
            part = part_of(process)
        except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
            continue
        if pss:
            parts[part] = parts.get(part, 0) + int(pss.group(1)) * 1024
    return parts


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, default=Path(".weir"))
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    supervisor = psutil.Process(int((given.data_dir / "supervisord.pid").read_text()))
    peak: dict[str, int] = {}
    samples = 0
    end = time.monotonic() + given.seconds
    while time.monotonic() < end:
        now = sample(supervisor)
        samples += 1
        if sum(now.values()) > sum(peak.values()):
            peak = now
        time.sleep(0.5)
    for part, size in sorted(peak.items(), key=lambda item: -item[1]):
        print(f"{part:12} {size / 1e6:8.0f} MB")
    print(f"{'all':12} {sum(peak.values()) / 1e6:8.0f} MB at the peak of {samples} samples in {given.seconds:.0f} s")


if __name__ == "__main__":
    main()
