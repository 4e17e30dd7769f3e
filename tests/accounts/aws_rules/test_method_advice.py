"""Which method fits: what AWS would refuse comes first, then what each method is good for."""

import pytest

from accounts.aws_rules.limits import CHAINED_SECONDS_MAX, METHOD_LIMITS
from accounts.aws_rules.method_advice import DIFFERENCES, Advice, Broker, Entered, advise

HUB, PAYMENTS = "111111111111", "222222222222"
KEYS = Broker(HUB, is_temporary=False)


def token(**more: object) -> Advice:
    entered = {"method": "federation_token", "account_id": HUB, "has_policy": True, "broker": KEYS}
    return advise(Entered(**{**entered, **more}))  # type: ignore[arg-type]


def said(advice: Advice) -> str:
    return " ".join(reason.message % reason.params for reason in advice.reasons)


@pytest.mark.parametrize(
    ("entered", "why"),
    [
        ({"account_id": PAYMENTS}, "only AssumeRole leads to 222222222222"),
        ({"broker": Broker(HUB, is_temporary=True)}, "long-term keys only"),
        ({"has_policy": False}, "may do nothing"),
        ({"has_external_id": True}, "which only AssumeRole takes"),
        ({"sets_source_identity": True}, "which only AssumeRole sets"),
        ({"has_console_seconds": True}, "AWS refuses for federation tokens"),
    ],
)
def test_what_a_token_cannot_have_speaks_for_the_role(entered: dict[str, object], why: str) -> None:
    advice = token(**entered)
    assert (advice.method, advice.fits) == ("assume_role", False)
    assert why in said(advice)
    assert advice.reasons[0].is_hard


def test_longer_than_twelve_hours_speaks_for_the_token() -> None:
    advice = token(longest_seconds=129_600)
    assert (advice.method, advice.fits) == ("federation_token", True)
    assert "129600 s are wanted" in said(advice)
    assert not token(longest_seconds=43_200).fits


def test_where_both_would_do_the_role_is_advised_for_its_rights_and_what_it_may() -> None:
    advice = token()
    assert advice.method == "assume_role"
    assert "rights belong to the IAM role" in said(advice)
    assert "may use IAM and STS" in said(advice)
    assert not any(reason.is_hard for reason in advice.reasons)


def test_a_portal_that_is_a_role_itself_is_told_of_its_hour() -> None:
    chained = Broker(HUB, is_temporary=True, is_chained=True)
    advice = advise(Entered(method="assume_role", broker=chained))
    assert advice.fits
    assert "long-term keys" in said(advice)
    keys = Broker(PAYMENTS, is_temporary=False, is_chained=True)
    assert "3600 s" in said(advise(Entered(method="assume_role", broker=keys)))


def test_the_comparison_says_the_lengths_that_are_held() -> None:
    (length,) = (row for row in DIFFERENCES if row.about == "Length")
    for method, told in (
        ("assume_role", length.assume_role),
        ("federation_token", length.federation_token),
    ):
        limits = METHOD_LIMITS[method]
        assert f"{limits.seconds_min // 60} min to {limits.seconds_max // 3600} h" in told
    assert f"{CHAINED_SECONDS_MAX // 3600} h when the portal is a role" in length.assume_role
