"""Credentials as text: what each shell and AWS's own tools read back is exactly the values."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import credential_formats as formats
from portal.aws.plan import TemporaryCredentials

CREDENTIALS = TemporaryCredentials(
    "ASIAEXAMPLE0000001", "s3cr3t/+=" * 4, "IQoJb3JpZ2luX2VjE/+==", datetime(2027, 1, 1, tzinfo=UTC)
)
ODD = "a'b\"c\\d $e `f` %g% !h ^i & | ; #j\u2019k ~ \u00e9 "
PRINTABLE = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"))
    | st.just(" "),
    max_size=40,
)


def shown_by(shell: list[str], text: str, tmp_path: Path) -> dict[str, str]:
    """What the environment holds after a shell has read the text."""
    script = tmp_path / "script"
    script.write_text(text + "env -0\n", encoding="utf-8")
    printed = subprocess.run(
        [*shell, str(script)],
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    ).stdout.decode()
    return dict(line.split("=", 1) for line in printed.split("\0") if line)


class TestVariables:
    def test_the_region_goes_under_both_names_and_only_where_it_is_known(self) -> None:
        with_region = formats.variables(CREDENTIALS, "eu-west-1")
        assert with_region["AWS_REGION"] == with_region["AWS_DEFAULT_REGION"] == "eu-west-1"
        assert list(formats.variables(CREDENTIALS, "")) == [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ]


class TestPosix:
    @pytest.mark.parametrize("shell", ["bash", "sh"])
    def test_the_shell_reads_back_the_values(self, shell: str, tmp_path: Path) -> None:
        values = {**formats.variables(CREDENTIALS, "eu-west-1"), "ODD": ODD}
        read = shown_by([shell], formats.posix(values), tmp_path)
        assert {name: read[name] for name in values} == values

    @settings(max_examples=25)
    @given(values=st.lists(PRINTABLE, min_size=1, max_size=8))
    def test_bash_reads_back_any_printable_values(
        self, values: list[str], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        named = {f"V{n}": value for n, value in enumerate(values)}
        read = shown_by(["bash"], formats.posix(named), tmp_path_factory.mktemp("bash"))
        assert {name: read[name] for name in named} == named


class TestOtherShells:
    def test_fish_reads_back_the_values(self, tmp_path: Path) -> None:
        values = {**formats.variables(CREDENTIALS, "eu-west-1"), "ODD": ODD}
        text = formats.fish(values)
        assert "set -gx AWS_ACCESS_KEY_ID 'ASIAEXAMPLE0000001'\n" in text
        assert formats.fish({"V": "a'b\\c"}) == "set -gx V 'a\\'b\\\\c'\n"
        fish = shutil.which("fish")
        if fish:
            read = shown_by([fish, "--no-config"], text, tmp_path)
            assert {name: read[name] for name in values} == values

    def test_powershell_quotes_every_kind_of_single_quote(self) -> None:
        assert formats.powershell({"V": "a'b\u2019c$d`e"}) == "$Env:V = 'a''b\u2019\u2019c$d`e'\n"

    def test_cmd_sets_without_quotes_and_escapes_what_it_would_read(self) -> None:
        assert formats.cmd({"V": "a/+=b"}) == "set V=a/+=b\n"
        assert formats.cmd({"V": 'a&b|c<d>e^f%g%"h"'}) == ('set V=a^&b^|c^<d^>e^^f^%g^%^"h^"\n')

    @pytest.mark.parametrize("text", [formats.posix, formats.fish, formats.powershell, formats.cmd])
    def test_P29_a_value_with_a_line_break_is_refused_by_every_format(self, text: object) -> None:
        for value in ("a\nb", "a\rb", "a\x1bb", "a\u2028b"):
            with pytest.raises(ValueError, match="no line"):
                text({"V": value})  # type: ignore[operator]


class TestCredentialsFile:
    def test_botocore_reads_back_the_values_and_the_region(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "credentials"
        profile = formats.profile_name("payments-prod", "incident/IncidentLead")
        assert profile == "payments-prod-IncidentLead"
        file.write_text(formats.credentials_file(CREDENTIALS, "eu-west-1", profile))
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        session = botocore.session.Session(profile=profile)
        found = session.get_credentials()
        assert found is not None
        assert (found.access_key, found.secret_key, found.token) == (
            CREDENTIALS.access_key_id,
            CREDENTIALS.secret_access_key,
            CREDENTIALS.session_token,
        )
        assert session.get_config_variable("region") == "eu-west-1"

    def test_a_profile_has_a_name_that_needs_no_quotes(self) -> None:
        assert formats.profile_name("a]b c", "x/y\nz") == "a-b-c-y-z"

    def test_without_region_the_file_names_none(self) -> None:
        assert "region" not in formats.credentials_file(CREDENTIALS, "", "p")


def test_P20_credentials_show_no_secret_when_they_are_printed() -> None:
    printed = repr(CREDENTIALS) + json.dumps(str(CREDENTIALS))
    assert CREDENTIALS.secret_access_key not in printed
    assert CREDENTIALS.session_token not in printed
