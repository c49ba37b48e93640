"""Whether a web server could listen on a port, by Python's own library: `make run` asks before it installs anything."""

import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 8000


def refusal(host: str, port: int) -> str | None:
    """Why nothing can listen there, and what to do; None where the port is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as problem:
            return (
                f"Port {port} on {host} cannot be used ({problem}). Stop what listens there, perhaps another Weir, or"
                f' choose another port: --port 9000, with make: make run UP="--port 9000".'
            )
    return None


def main(arguments: list[str]) -> str | None:
    """The refusal of the port that `weir up` would take with these arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=PORT)
    chosen, _others = parser.parse_known_args(arguments)
    return refusal(chosen.host, chosen.port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
