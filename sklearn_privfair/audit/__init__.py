"""Audits: all that the package can ask of one model, in one report."""

from sklearn_privfair.audit._comparison import AuditComparison
from sklearn_privfair.audit._model_audit import ModelAudit
from sklearn_privfair.audit._report import AuditReport

__all__ = ["AuditComparison", "AuditReport", "ModelAudit"]
