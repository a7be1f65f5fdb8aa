"""rnnbench from Python and notebooks: measure and compare models of your own."""

from rnnbench.interactive.comparing import Compared, compare
from rnnbench.interactive.measuring import measure
from rnnbench.interactive.records import Records

__all__ = ["Compared", "Records", "compare", "measure"]
