"""How a net is trained and pruned, in texts beside it: solvers with their recipes, and prune files."""

from xdn.frontend.solver.prune_file import prune_text, read_prune_file
from xdn.frontend.solver.solver import Recipe, Solver, read_solver

__all__ = ["Recipe", "Solver", "prune_text", "read_prune_file", "read_solver"]
