"""How the administration shows dates, by language: short, and as elsewhere here."""
