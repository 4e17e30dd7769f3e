"""Dates as ``29 Nov 2026, 15:56``; the page's foot says the zone."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
