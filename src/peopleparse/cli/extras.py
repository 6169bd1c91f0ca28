"""Commands that need more than the core say so in one line."""

from __future__ import annotations

from importlib.util import find_spec

from peopleparse.errors import InputError


def need_extra(extra: str, *modules: str) -> None:
    """Check that the libraries of an extra are installed.

    Raises:
        InputError: one of them is not.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise InputError(
            f"this command must have {', '.join(modules)}, got none of {', '.join(missing)}. "
            f"Install them: pip install 'peopleparse[{extra}]'"
        )
