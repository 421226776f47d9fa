"""Reports: everything about one run on one page that can be read, printed, mailed and kept.

The page is one HTML file without script and without anything from elsewhere; pictures stand inside it. A
run is described by strangers too (labels, replies of instruments, a file from another lab), so whatever is
not markup of this package is escaped, and the page forbids the browser to load or run anything.
"""

from __future__ import annotations

from labspin.analysis.report.document import report_html, write_report

__all__ = ["report_html", "write_report"]
