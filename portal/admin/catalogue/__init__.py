"""Accounts, credential sources and roles: their lists, forms, and “try this role”."""
