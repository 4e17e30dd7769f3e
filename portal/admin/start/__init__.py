"""The start page: what needs attention, and the launches of the last days."""
