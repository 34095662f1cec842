"""The schema of results, as tests follow it, and made-up results."""

from copy import deepcopy
from functools import cache

from jsonschema import Draft202012Validator

from xdn.report.schema import result_schema

#: Its further fields are the registries.
OPEN = ("RegistriesDocument",)


@cache
def closed_validator() -> Draft202012Validator:
    """Return what refuses results with fields that the schema does not describe."""
    schema = deepcopy(result_schema())
    for name, each in schema["$defs"].items():
        if name not in OPEN:
            each["additionalProperties"] = False
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
