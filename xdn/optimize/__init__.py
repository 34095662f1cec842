"""Stages that rewrite a net, and the pipeline that runs and checks them."""

import sys
from types import ModuleType
from typing import Any

from xdn.optimize.check import Forward
from xdn.optimize.pipeline import Result, StageReport, apply_stages, optimize
from xdn.optimize.stage import PLAIN, POST_FUSION, READING, STAGES, Note, Rewrite, Stage, stage_names

__all__ = [
    "PLAIN",
    "POST_FUSION",
    "READING",
    "STAGES",
    "Forward",
    "Note",
    "Result",
    "Rewrite",
    "Stage",
    "StageReport",
    "apply_stages",
    "optimize",
    "stage_names",
]


class _Callable(ModuleType):
    """This package, which is the call ``xdn.optimize(net)`` too: both bear the name in `xdn`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Result:
        """Run the pipeline; see `xdn.optimize.pipeline.optimize`."""
        return optimize(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
