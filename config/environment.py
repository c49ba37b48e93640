"""Typed readers of environment variables. A value that cannot be read ends the program with a sentence."""

import base64
import binascii
import os
from collections.abc import Mapping

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


class EnvironmentVariableError(SystemExit):
    """Ends the program with one sentence on standard error instead of a traceback."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"The environment variable {name} {problem}.")


class Environment:
    """The variables of the process; an empty one counts as unset. Readers raise EnvironmentVariableError."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables

    def text(self, name: str, default: str = "") -> str:
        """Without surrounding blanks."""
        return self._variables.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        """One of TRUE or FALSE, in any case."""
        value = self.text(name).lower()
        if not value:
            return default
        if value not in TRUE | FALSE:
            raise EnvironmentVariableError(name, f"must be true or false, not {value!r}")
        return value in TRUE

    def integer(self, name: str, default: int, *, least: int = 0) -> int:
        """A whole number that is not below ``least``."""
        value = self.text(name)
        try:
            number = int(value) if value else default
        except ValueError:
            raise EnvironmentVariableError(name, f"must be a whole number, not {value!r}") from None
        if number < least:
            raise EnvironmentVariableError(name, f"must be at least {least}, not {number}")
        return number

    def words(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        """Values separated by commas."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()] or list(default)

    def choice(self, name: str, default: str, choices: frozenset[str]) -> str:
        """Exactly one of the choices."""
        value = self.text(name, default)
        if value not in choices:
            raise EnvironmentVariableError(name, f"must be one of {', '.join(sorted(choices))}, not {value!r}")
        return value


def secret_keys(given: list[str]) -> list[str]:
    """The keys, each checked to be 32 bytes in base64; EnvironmentVariableError otherwise."""
    for key in given:
        try:
            length = len(base64.b64decode(key, validate=True))
        except binascii.Error:
            raise EnvironmentVariableError("WEIR_SECRET_KEYS", "must be base64, keys separated by commas") from None
        if length != 32:  # noqa: PLR2004  # AES-256
            raise EnvironmentVariableError("WEIR_SECRET_KEYS", f"must hold keys of 32 bytes, not {length}")
    return given
