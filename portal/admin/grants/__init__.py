"""Grants: their list, and the pages on which they are made, changed, ended and deleted."""
