#!/usr/bin/env python
"""`weir` from a checkout: Django's commands with our settings."""

from config.cli import main

if __name__ == "__main__":
    main()
