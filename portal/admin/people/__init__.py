"""People, groups, permission sets, and what is done to one person."""
