"""Files of readings to a Community, and a made-up community to start with."""

from core.readings.gaps import Gap
from core.readings.issues import Issue
from core.readings.options import Options
from core.readings.reader import FileReport, Readings, read

__all__ = ["FileReport", "Gap", "Issue", "Options", "Readings", "read"]
