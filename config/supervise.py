"""supervisord in the foreground, saying so when it has gone. Run by its path: nothing of the service is loaded."""

import sys

from supervisor import supervisord

if __name__ == "__main__":
    try:
        supervisord.main(["-c", sys.argv[1]])
    finally:
        print("Weir has stopped; nothing of it is left running.", flush=True)  # noqa: T201
