"""Parameters of requests, by their names in Triton's extension "parameters"; unknown ones are passed over."""

from collections.abc import Mapping
from typing import Any

from xdn.serve.messages import BadRequestError

#: Those that ask for what is not done here, and would not be missed by themselves.
_REFUSED = ("shared_memory_region", "classification")


def refuse(parameters: Mapping[str, Any], where: str) -> None:
    """Raise BadRequestError where a parameter of an input or output asks for what is not done."""
    for name in _REFUSED:
        if name in parameters:
            raise BadRequestError(f"the parameter {name} is not supported", where=where)


def timeout_s(parameters: Mapping[str, Any]) -> float | None:
    """Return the seconds that "timeout" says in microseconds; None for none, and for 0."""
    value = parameters.get("timeout")
    if value is not None and (type(value) is not int or value < 0):
        raise BadRequestError(f"{str(value)[:20]!r} is not a number of microseconds", where="parameters.timeout")
    return min(value, 1 << 62) / 1e6 if value else None


def truth(parameters: Mapping[str, Any], name: str, where: str) -> bool:
    """Return a parameter that is true or false, false where it is not there."""
    value = parameters.get(name, False)
    if not isinstance(value, bool):
        raise BadRequestError(f"{str(value)[:20]!r} is not true or false", where=f"{where}.{name}")
    return value
