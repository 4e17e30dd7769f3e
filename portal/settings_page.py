"""``python -m portal.settings_page``: docs/settings.md, made from the settings' declarations."""

import sys
from importlib import import_module

from portal import env

HEAD = """\
# Settings

Made from the code by `python -m portal.settings_page`; a test keeps it true.

Settings come from the environment and from a `.env` file in the working directory; the
environment wins. Lists are separated by spaces. A wrong or missing value stops the start with one
line that names the variable. botocore's own `AWS_*` variables (`AWS_PROFILE`, `AWS_REGION`,
`AWS_ENDPOINT_URL_STS`, `AWS_CA_BUNDLE`, …) give the broker's default credential source.

| variable | meaning | allowed | without it |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the whole page."""
    # Whoever reads the settings declares them.
    import_module("portal.settings")
    rows = (
        f"| `{d.name}` | {d.meaning} | {d.allowed.removeprefix('it is ')} | {d.default} |\n"
        for d in sorted(env.DECLARED.values(), key=lambda d: d.name)
    )
    return HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
