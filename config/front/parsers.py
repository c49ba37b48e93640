"""The libraries of the front. Where there is no build of them, it is left out, and the web processes serve the address
themselves (`config.programs`): decisions are then answered by their statement, and wait behind usage.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

IS_INSTALLED = find_spec("httptools") is not None and find_spec("uvloop") is not None
httptools: Any = import_module("httptools") if IS_INSTALLED else None
