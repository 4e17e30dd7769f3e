"""What a person asks for → a console address: right, or refused, never anything else."""

import string
from itertools import product
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from accounts.aws_rules.destinations import (
    CONSOLE_HOME,
    Destination,
    describe,
    normal_place,
    parse_destination,
)
from accounts.aws_rules.partitions import KNOWN_REGIONS, PARTITIONS
from accounts.aws_rules.services import ALIASES, TITLES
from accounts.errors import InvalidRequest
from tests.accounts.aws_rules.hostile_destinations import every_hostile_destination

ACCOUNT = "222222222222"
CONSOLE = "console.aws.amazon.com"
HOSTILE = every_hostile_destination()


def go(to: str, region: str = "", role_region: str = "", role_destination: str = "") -> Destination:
    return parse_destination(
        to,
        region,
        partition="aws",
        account_id=ACCOUNT,
        role_destination=role_destination,
        role_region=role_region,
    )


def refused(to: str, region: str = "", partition: str = "aws") -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refusal:
        parse_destination(to, region, partition=partition, account_id=ACCOUNT)
    return refusal.value


def sentences(error: InvalidRequest) -> tuple[str, str]:
    return error.message % error.params, error.next_step % error.params


# Where people want to go


@pytest.mark.parametrize(
    ("to", "region", "url"),
    [
        ("s3", "ap-northeast-1", "ap-northeast-1.{}/s3/home?region=ap-northeast-1"),
        ("s3", "", "{}/s3/home"),
        (" S3 ", " AP-Northeast-1 ", "ap-northeast-1.{}/s3/home?region=ap-northeast-1"),
        ("", "eu-west-1", "eu-west-1.{}/console/home?region=eu-west-1"),
        ("", "", "{}/console/home"),
        ("console", "eu-west-1", "eu-west-1.{}/console/home?region=eu-west-1"),
        ("ssm", "eu-west-1", "eu-west-1.{}/systems-manager/home?region=eu-west-1"),
        ("stepfunctions", "eu-west-1", "eu-west-1.{}/states/home?region=eu-west-1"),
        ("logs", "", "{}/cloudwatch/home"),
        ("some-new-thing", "", "{}/some-new-thing/home"),
        (
            "/cloudwatch/home#alarms:",
            "eu-west-1",
            "eu-west-1.{}/cloudwatch/home?region=eu-west-1#alarms:",
        ),
        ("/cloudwatch/home#alarms:", "", "{}/cloudwatch/home#alarms:"),
        (
            "/s3/buckets/x?prefix=a/&tab=objects",
            "eu-west-1",
            "eu-west-1.{}/s3/buckets/x?prefix=a/&tab=objects&region=eu-west-1",
        ),
        ("/s3/home?region=eu-west-1", "", "eu-west-1.{}/s3/home?region=eu-west-1"),
        ("/s3/home?region=&a=b", "eu-west-1", "eu-west-1.{}/s3/home?region=eu-west-1&a=b"),
        ("/", "eu-west-1", "eu-west-1.{}/?region=eu-west-1"),
        (
            "/cloudwatch/home#alarmsV2:alarm/\u65e5\u672c",
            "",
            "{}/cloudwatch/home#alarmsV2:alarm/%E6%97%A5%E6%9C%AC",
        ),
        ('/x/"<script>"', "", "{}/x/%22%3Cscript%3E%22"),
    ],
)
def test_service_or_path_becomes_the_console_address_of_the_contract(
    to: str, region: str, url: str
) -> None:
    assert go(to, region).url == "https://" + url.format(CONSOLE)


@pytest.mark.parametrize(
    "to", ["/s3/home?region=eu-west-2", f"https://eu-west-2.{CONSOLE}/s3/home"]
)
def test_region_asked_for_wins_over_the_urls_own_and_that_over_the_roles(to: str) -> None:
    asked = go(to, "eu-west-1", role_region="eu-west-3")
    assert asked == Destination(
        f"https://eu-west-1.{CONSOLE}/s3/home?region=eu-west-1", "s3", "eu-west-1"
    )
    assert go(to, role_region="eu-west-3").region == "eu-west-2"
    assert go("s3", role_region="eu-west-3").url == (
        f"https://eu-west-3.{CONSOLE}/s3/home?region=eu-west-3"
    )


def test_region_asked_for_is_rewritten_in_the_host_and_the_query_of_a_pasted_url() -> None:
    pasted = f"https://us-east-1.{CONSOLE}/ec2/home?a=1&region=us-east-1&b=2#Instances:"
    assert go(pasted, "eu-west-1").url == (
        f"https://eu-west-1.{CONSOLE}/ec2/home?a=1&region=eu-west-1&b=2#Instances:"
    )
    assert go("https://us-east-1.quicksight.aws.amazon.com/sn/start", "eu-west-1").url == (
        "https://eu-west-1.quicksight.aws.amazon.com/sn/start?region=eu-west-1"
    )


def test_roles_destination_counts_when_nothing_is_asked_for() -> None:
    assert go("", role_destination="sqs", role_region="eu-west-1").service == "sqs"
    assert go("s3", role_destination="sqs").service == "s3"
    own = go("", role_destination="/sqs/v3/home?region=eu-west-2", role_region="eu-west-1")
    assert own.region == "eu-west-2"
    assert go("/", role_destination="sqs").url == f"https://{CONSOLE}/"


def test_pasted_url_without_region_gets_the_roles() -> None:
    assert go(f"https://{CONSOLE}/s3/home", role_region="eu-west-1").url == (
        f"https://eu-west-1.{CONSOLE}/s3/home?region=eu-west-1"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"https://us-east-1.{CONSOLE}/iam/home?region=eu-west-1#/roles",
        f"https://us-east-1.{CONSOLE}/wafv2/homev2/web-acls?region=global",
        f"https://{CONSOLE}/wafv2/home?region=global#/webacls",
        "https://health.console.aws.amazon.com/health/home#/account/event-log",
    ],
)
def test_pages_of_global_services_stay_as_pasted(url: str) -> None:
    assert go(url, role_region="ap-northeast-1").url == url


@pytest.mark.parametrize("host", [f"eu-west-1.{CONSOLE}", CONSOLE, f"s3.{CONSOLE}"])
def test_multi_session_prefix_of_the_same_account_is_dropped(host: str) -> None:
    session = f"https://{ACCOUNT}-abc123de.{host}/s3/home?region=eu-west-1"
    assert go(session) == go(f"https://{host}/s3/home?region=eu-west-1")
    assert ACCOUNT not in go(session).url


def test_multi_session_prefix_of_another_account_is_refused_naming_both() -> None:
    error = refused(f"https://333333333333-abc123de.eu-west-1.{CONSOLE}/s3/home")
    assert error.status == 400
    assert "333333333333" in sentences(error)[0]
    assert ACCOUNT in sentences(error)[0]


def test_port_443_is_dropped() -> None:
    assert go(f"https://{CONSOLE}:443/s3/home").url == f"https://{CONSOLE}/s3/home"


@pytest.mark.parametrize(("name", "other"), list(product(PARTITIONS, PARTITIONS)))
def test_p18_console_of_another_partition_is_refused_with_a_sentence(name: str, other: str) -> None:
    region = PARTITIONS[other].default_sts_region
    url = f"https://{region}.{PARTITIONS[other].console_host}/s3/home?region={region}"
    if name == other:
        found = parse_destination(url, "", partition=name, account_id=ACCOUNT)
        assert found == Destination(url, "s3", region)
        return
    message, next_step = sentences(refused(url, partition=name))
    assert other in message
    assert PARTITIONS[name].console_host in next_step
    assert region in sentences(refused("s3", region, partition=name))[0]


@pytest.mark.parametrize("region", ["x", "cn-north-1", "us-east-1a", "eu-west-1\n", "..", "a.b"])
def test_region_that_cannot_be_is_refused_naming_one_that_can(region: str) -> None:
    message, next_step = sentences(refused("s3", region))
    assert region in message
    assert "us-east-1" in next_step


def test_role_with_an_impossible_region_or_destination_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        go("s3", role_region="mars-1")
    with pytest.raises(InvalidRequest):
        go("", role_destination="https://evil.example")


# Real addresses

REGIONAL_PAGES = [
    "/acm/home?region={r}#/certificates/list",
    "/amplify/home?region={r}#/d1abc",
    "/aos/home?region={r}#opensearch/domains",
    "/apigateway/main/apis?region={r}",
    "/apprunner/home?region={r}#/services",
    "/athena/home?region={r}#/query-editor",
    "/backup/home?region={r}#/dashboard",
    "/batch/home?region={r}#dashboard",
    "/bedrock/home?region={r}#/modelaccess",
    "/billing/home?region={r}#/bills",
    "/cloudformation/home?region={r}#/stacks?filteringText=&filteringStatus=active",
    "/cloudformation/home?region={r}#/stacks/create/review?templateURL=https://x.s3.amazonaws.com/t.yaml",
    "/cloudfront/v4/home?region={r}#/distributions",
    "/cloudshell/home?region={r}",
    "/cloudtrailv2/home?region={r}#/events?Username=ann",
    "/cloudwatch/home?region={r}#alarmsV2:alarm/refund-backlog",
    "/cloudwatch/home?region={r}#logsV2:log-groups/log-group/$252Faws$252Flambda$252Fpay",
    (
        "/cloudwatch/home?region={r}#logsV2:logs-insights$3FqueryDetail$3D~(end~0~start~-3600~"
        "editorString~'fields*20*40timestamp*2c*20*40message*0a*7c*20limit*2020)"
    ),
    "/cloudwatch/home?region={r}#metricsV2:graph=~(view~'timeSeries);query=~'*7bAWS*2fEC2*7d",
    "/codesuite/codecommit/repositories/shop/browse/refs/heads/main/--/?region={r}",
    "/codesuite/codepipeline/pipelines/shop/view?region={r}",
    "/cognito/v2/idp/user-pools/eu-west-1_AbC123/users?region={r}",
    "/config/home?region={r}#/resources?complianceType=NON_COMPLIANT",
    "/console/home?region={r}#/widgets",
    "/cost-management/home?region={r}#/cost-explorer",
    "/dms/v2/home?region={r}#taskDetails/shop",
    "/dynamodbv2/home?region={r}#table?name=orders",
    "/ec2/home?region={r}#InstanceDetails:instanceId=i-0123456789abcdef0",
    "/ec2/v2/home?region={r}#Instances:search=shop;sort=launchTime",
    "/ecr/repositories/private/222222222222/shop?region={r}",
    "/ecs/v2/clusters/shop/services/web/tasks?region={r}",
    "/eks/home?region={r}#/clusters/shop",
    "/elasticache/home?region={r}#/redis",
    "/events/home?region={r}#/eventbus/default/rules/nightly",
    "/firehose/home?region={r}#/details/shop/monitoring",
    "/glue/home?region={r}#/v2/data-catalog/databases",
    "/go/view?arn=arn:aws:s3:::shop-assets&source=web&region={r}",
    "/guardduty/home?region={r}#/findings?macros=current",
    "/iam/home?region={r}#/roles/details/Developer?section=permissions",
    "/kinesis/home?region={r}#/streams/details/orders/monitoring",
    "/kms/home?region={r}#/kms/keys/0a1b2c3d-0000-4000-8000-000000000000",
    "/lambda/home?region={r}#/functions/pay?tab=monitoring",
    "/msk/home?region={r}#/clusters",
    "/organizations/v2/home/accounts?region={r}",
    "/rds/home?region={r}#database:id=shop;is-cluster=true",
    "/redshiftv2/home?region={r}#/dashboard",
    "/resource-groups/tag-editor/find-resources?region={r}",
    "/route53/v2/hostedzones?region={r}#ListRecordSets/Z0123456789ABCDEFGHIJ",
    "/s3/buckets/shop-assets?region={r}&bucketType=general&prefix=2026/11/&showversions=false",
    "/s3/object/shop-assets?region={r}&prefix=a%20b/%E6%97%A5.csv",
    "/sagemaker/home?region={r}#/studio",
    "/secretsmanager/secret?name=prod%2Fshop%2Fdb&region={r}",
    "/securityhub/home?region={r}#/summary",
    "/servicecatalog/home?region={r}#products",
    "/servicequotas/home/services/ec2/quotas?region={r}",
    "/singlesignon/home?region={r}#!/instances/users",
    "/sns/v3/home?region={r}#/topic/arn:aws:sns:eu-west-1:222222222222:orders",
    "/sqs/v3/home?region={r}#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F222222222222%2Fq",
    (
        "/states/home?region={r}#/v2/executions/details/arn:aws:states:eu-west-1:222222222222:"
        "execution:pay:1"
    ),
    "/systems-manager/parameters/%252Fshop%252Fdb-url/description?region={r}&tab=Table",
    "/systems-manager/session-manager/i-0123456789abcdef0?region={r}",
    "/transfer/home?region={r}#/servers",
    "/trustedadvisor/home?region={r}#/category/security",
    "/vpc/home?region={r}#subnets:vpcId=vpc-0123456789abcdef0",
    "/wafv2/homev2/web-acls?region={r}",
    "/workspaces/v2/workspaces?region={r}",
    "/xray/home?region={r}#/service-map",
]
OTHER_PAGES = [
    "https://health.console.aws.amazon.com/health/home?region=eu-west-1#/account/dashboard/open-issues",
    "https://health.aws.amazon.com/health/home#/account/event-log?eventID=x&eventTab=details",
    "https://lightsail.aws.amazon.com/ls/webapp/home/instances",
    "https://phd.aws.amazon.com/phd/home#/dashboard/open-issues",
    "https://quicksight.aws.amazon.com/sn/start",
    "https://eu-west-1.quicksight.aws.amazon.com/sn/dashboards/0a1b2c3d",
    "https://s3.console.aws.amazon.com/s3/buckets/shop-assets?region=eu-west-1&tab=objects",
    "https://support.console.aws.amazon.com/support/home#/case/create",
]


@pytest.mark.parametrize("page", REGIONAL_PAGES)
def test_address_copied_from_the_browser_comes_back_letter_for_letter(page: str) -> None:
    path = page.format(r="eu-west-1")
    url = f"https://eu-west-1.{CONSOLE}{path}"
    assert go(url, role_region="us-east-1").url == url
    assert go(url, "eu-west-1").url == url
    assert go(path).url == url
    moved = page.format(r="us-west-2")
    assert go(url, "us-west-2").url == f"https://us-west-2.{CONSOLE}{moved}"


@pytest.mark.parametrize("url", OTHER_PAGES)
def test_console_that_lives_elsewhere_is_left_as_it_is(url: str) -> None:
    assert go(url, role_region="us-east-1").url == url


def test_at_least_sixty_real_addresses_are_tried() -> None:
    assert len({*REGIONAL_PAGES, *OTHER_PAGES}) >= 60


# Hostile addresses


def test_at_least_three_hundred_hostile_destinations_are_tried() -> None:
    assert len(HOSTILE) >= 300


@pytest.mark.parametrize("to", HOSTILE)
def test_p13_hostile_destination_is_refused_with_a_sentence_and_a_next_step(to: str) -> None:
    error = refused(to)
    message, next_step = sentences(error)
    assert error.status == 400
    assert message.endswith(".")
    assert next_step.endswith(".")


@pytest.mark.parametrize("to", HOSTILE)
def test_p29_refusal_puts_no_control_character_into_the_log(to: str) -> None:
    error = refused(to)
    assert str(error).isprintable()
    assert str(error).isascii()
    assert len(str(error)) < 1_000


def allowed_hosts(partition: str) -> set[str]:
    """Written out here once more, so that the table in the code has a second opinion."""
    domains = {
        "aws": "console.aws.amazon.com",
        "aws-us-gov": "console.amazonaws-us-gov.com",
        "aws-cn": "console.amazonaws.cn",
        "aws-eusc": "console.amazonaws-eusc.eu",
    }
    domain = domains[partition]
    hosts = {domain} | {f"{region}.{domain}" for region in KNOWN_REGIONS[partition]}
    if partition != "aws-eusc":
        hosts |= {f"{service}.{domain}" for service in ("health", "s3", "support")}
        hosts.add("phd." + domain.removeprefix("console."))
    if partition == "aws":
        elsewhere = ["health", "lightsail", "phd", "quicksight"]
        hosts |= {f"{service}.aws.amazon.com" for service in elsewhere}
        hosts |= {f"{r}.quicksight.aws.amazon.com" for r in KNOWN_REGIONS["aws"]}
    return hosts


def host_by_hand(url: str) -> str:
    """What stands between ``https://`` and the first character that cannot be in a host name."""
    assert url.startswith("https://")
    rest = url.removeprefix("https://")
    end = next((i for i, c in enumerate(rest) if c not in string.ascii_lowercase + "0123456789.-"))
    assert rest[end] == "/"
    return rest[:end]


def same_host_to_every_parser(url: str) -> str:
    hosts = {host_by_hand(url), urlsplit(url).netloc, parse_url(url).netloc}
    assert len(hosts) == 1
    return str(hosts.pop())


pieces = st.sampled_from(
    [
        *(
            "https://",
            "http://",
            "//",
            "/",
            "\\",
            "@",
            ":",
            ":443",
            "#",
            "?",
            "&",
            "=",
            ".",
            "..",
            ";",
        ),
        *("%2f", "%5c", "%", "%00", "\t", "\n", " ", "[", "]", "\u0430", "\u3002", "javascript:"),
        *("evil.example", CONSOLE, f"eu-west-1.{CONSOLE}", "console.amazonaws.cn", "s3", "home"),
        *("region=", "eu-west-1", "cn-north-1", f"{ACCOUNT}-abc.", "333333333333-abc."),
        "quicksight.aws.amazon.com",
    ]
)
mixtures = st.lists(pieces, max_size=9).map("".join)
starts = st.sampled_from(
    ["", "/", f"https://{CONSOLE}", "https://", f"https://eu-west-1.{CONSOLE}/"]
)
wishes = st.one_of(st.text(max_size=60), mixtures, st.tuples(starts, mixtures).map("".join))
regions = st.one_of(
    st.just(""), st.sampled_from(["eu-west-1", "cn-north-1", "x"]), st.text(max_size=9)
)


@settings(max_examples=600)
@given(to=wishes, region=regions, partition=st.sampled_from(sorted(PARTITIONS)), role=wishes)
@example(to="", region="", partition="aws", role="")
@example(to=f"https://{CONSOLE}", region="", partition="aws", role="")
@example(to="https://health.console.amazonaws.cn/x", region="", partition="aws-cn", role="")
def test_p13_whatever_is_asked_for_the_answer_is_a_console_of_the_partition_or_a_refusal(
    to: str, region: str, partition: str, role: str
) -> None:
    try:
        found = parse_destination(
            to, region, partition=partition, account_id=ACCOUNT, role_destination=role
        )
    except InvalidRequest:
        return
    assert same_host_to_every_parser(found.url) in allowed_hosts(partition)
    assert found.url.isascii()
    assert found.url.isprintable()
    assert not set(found.url) & set(' "<>\\`')
    assert len(found.url) <= 2_048
    queried = [v for n, v in parse_qsl(urlsplit(found.url).query) if n == "region"]
    assert queried in ([], [found.region], ["global"])


@given(to=wishes, region=regions)
def test_address_that_was_made_is_made_again_from_itself(to: str, region: str) -> None:
    try:
        found = go(to, region)
    except InvalidRequest:
        return
    assert go(found.url) == found


@given(st.text(max_size=80), st.text(max_size=20))
@example("https://1", "")
@example("//", "")
@example(f"https://{CONSOLE}", "")
def test_description_never_fails(to: str, region: str) -> None:
    assert describe(to, region)[0]


@given(
    wishes,
    st.sampled_from(["", "eu-west-1", "us-east-1"]),
    st.sampled_from(["", "eu-central-1"]),
)
@example(f"https://eu-west-1.{CONSOLE}/s3/buckets/x?region=eu-west-1", "", "eu-central-1")
@example("https://health.console.aws.amazon.com/health/home", "", "eu-central-1")
@example("s3", "", "eu-central-1")
def test_description_agrees_with_the_destination(to: str, region: str, role_region: str) -> None:
    try:
        found = go(to, region, role_region)
    except InvalidRequest:
        return
    assert describe(to, region, role_region) == describe(found.url, found.region)


# Words


@pytest.mark.parametrize(
    ("to", "region", "words"),
    [
        ("", "", (CONSOLE_HOME, "")),
        ("/", "ap-northeast-1", (CONSOLE_HOME, "Tokyo")),
        ("console", "eu-west-9", (CONSOLE_HOME, "eu-west-9")),
        ("S3", "", ("S3", "")),
        ("sqs", "eu-central-1", ("SQS", "Frankfurt")),
        ("logs", "", ("CloudWatch", "")),
        ("/cloudwatch/home?region=eu-west-1#alarmsV2:", "", ("CloudWatch", "Ireland")),
        ("/cloudwatch/home?region=eu-west-1", "us-east-1", ("CloudWatch", "N. Virginia")),
        (f"https://{ACCOUNT}-ab.eu-west-2.{CONSOLE}/rds/home", "", ("RDS", "London")),
        ("https://cn-north-1.console.amazonaws.cn/ec2/home", "", ("EC2", "Beijing")),
        ("https://eu-west-1.quicksight.aws.amazon.com/sn/start", "", ("QuickSight", "Ireland")),
        ("https://health.console.aws.amazon.com/health/home", "", ("Health Dashboard", "")),
        ("some-new-thing", "", ("Some New Thing", "")),
    ],
)
def test_destination_in_words_for_a_page(to: str, region: str, words: tuple[str, str]) -> None:
    assert describe(to, region) == words


def test_every_alias_leads_to_a_console_page_and_every_name_is_well_formed() -> None:
    assert not set(ALIASES) & set(ALIASES.values())
    for name in {*ALIASES, *ALIASES.values(), *TITLES}:
        assert go(name).url.startswith(f"https://{CONSOLE}/")


def test_wish_and_bookmark_are_the_same_place_in_their_normal_form() -> None:
    assert normal_place(" S3 ", "EU-WEST-1 ") == normal_place("s3", "eu-west-1")
    assert normal_place("/S3/Home#A", "") != normal_place("/s3/home#a", "")
    assert normal_place("s3", "") != normal_place("s3", "eu-west-1")
    assert normal_place("", "") == normal_place(" ", " ")
