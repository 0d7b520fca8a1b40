"""Reports of test runners and of coverage tools, by their own formats, as counts and names."""

from ostinato.domain.test_reports.model import Coverage, Outcome, Parsed, TestCase, TestReport, Unreadable, combined
from ostinato.domain.test_reports.reading import CoverageKind, ReportKind, read_coverage, read_report

__all__ = (
    "Coverage",
    "CoverageKind",
    "Outcome",
    "Parsed",
    "ReportKind",
    "TestCase",
    "TestReport",
    "Unreadable",
    "combined",
    "read_coverage",
    "read_report",
)
