"""The production server: its start, its worker, its log, and what it turns away."""
