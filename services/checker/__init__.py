"""The independent checker: judges from evidence alone what must hold, sharing nothing with what it judges but words."""

from .check import check
from .evidence import BrokenEvidence
from .findings import Finding, Verdict

__all__ = ["BrokenEvidence", "Finding", "Verdict", "check"]
