"""Tests that need a real PostgreSQL."""
