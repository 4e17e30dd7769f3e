"""``python -m tests.settle``: the demo's people and organisation in whatever database is set."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from demo import people  # noqa: E402 models need Django's settings first

people.settle()
