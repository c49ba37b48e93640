"""supervisord in the foreground, with a sentence when it ends. Run by its path, so that no service code is loaded."""

import sys

from supervisor import supervisord

if __name__ == "__main__":
    try:
        supervisord.main(["-c", sys.argv[1]])
    finally:
        print("Weir has stopped; nothing of it is left running.", flush=True)  # noqa: T201
