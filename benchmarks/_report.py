"""The table on the screen and the JSON file."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "sklearn_privfair",
    "scikit-learn",
    "skorch",
    "torch",
    "numpy",
    "foolbox",
    "pyautoattack",
    "torchattacks",
    "adversarial-robustness-toolbox",
)


def show(rows):
    """Print the rows, dictionaries with the same keys, as one aligned table."""
    if not rows:
        return
    keys = list(dict.fromkeys(key for row in rows for key in row if key != "error"))
    cells = [keys, *([_cell(row.get(key)) for key in keys] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(keys))]
    for n, line in enumerate(cells):
        text = [isinstance(rows[n - 1].get(key), str) if n else False for key in keys]
        print(
            "  ".join(
                cell.ljust(width) if left else cell.rjust(width)
                for cell, width, left in zip(line, widths, text, strict=True)
            )
        )
    for row in rows:
        if "error" in row:
            print("failed:", row)


def save(path, rows, settings):
    """Write the rows with versions and machine."""
    content = {"settings": settings, "versions": versions(), "machine": machine(), "rows": rows}
    Path(path).write_text(json.dumps(content, indent=1, default=str) + "\n")


def versions():
    """Give the version of each package that is installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def machine():
    """Name the processor and the system."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    return {"cpu": cpu, "system": platform.platform()}


def _cell(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)
