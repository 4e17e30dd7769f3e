"""Tests of the SQLite file itself, which no other database has."""
