"""Destinations that must lead nowhere, for account 222222222222 of the partition aws."""

import itertools
from collections.abc import Iterator

CONSOLE = "console.aws.amazon.com"
REAL_HOSTS = [CONSOLE, f"eu-west-1.{CONSOLE}", "us-east-1.quicksight.aws.amazon.com"]
EVIL = "evil.example"


def hosts_that_look_real() -> Iterator[str]:
    for real in REAL_HOSTS:
        yield f"{real}.{EVIL}"
        yield f"{real}.evil"
        yield f"{EVIL}.{real}"
        yield f"{real}."
        yield f".{real}"
        yield f"evil{real}"
        yield real.replace("amazon", "amaz0n")
        yield real.replace(".", "-")
        yield real.replace("aws.", "aws..")
        yield real.upper()
        yield real.title()
        yield real.replace("amazon", "Amazon")


def hosts_with_something_beside() -> Iterator[str]:
    users = ["user@", "user:pass@", "@", ":@", f"{EVIL}@", f"{EVIL}:443@", "%40@"]
    ports = [":80", ":8443", ":0443", ":443443", ":", ":x", ":443:443", f":443@{EVIL}", f":@{EVIL}"]
    for real in REAL_HOSTS:
        yield from (user + real for user in users)
        yield from (real + port for port in ports)
        yield from (f"{real}@{EVIL}", f"{real}%40{EVIL}", f"{real}\\@{EVIL}", f"{real}\\.{EVIL}")
        yield from (f"{EVIL}\\{real}", f"{EVIL}%2f{real}", f"{EVIL}%23.{real}", f"{EVIL}%3f{real}")
        yield from (f"{EVIL}#{real}", f"{EVIL}?{real}", f"{EVIL}/{real}", f"{EVIL};{real}")


def hosts_written_strangely() -> Iterator[str]:
    look_alikes = ["\u0430", "\uff41", "\u00e0", "\u0251", "\u24d0"]
    dots = ["\u3002", "\uff0e", "\uff61", "%2e", "%252e"]
    slashes = ["\u2044", "\u2215", "\uff0f", "\u29f8"]
    for real in REAL_HOSTS:
        yield from (real.replace("a", letter, 1) for letter in look_alikes)
        yield from (real.replace(".", dot, 1) for dot in dots)
        yield from (f"{EVIL}{slash}.{real}" for slash in slashes)
        yield real.replace("c", "%63", 1)
        yield "xn--" + real
        yield real.replace("amazon", "xn--amazon-9za")
        yield f"[{real}]"
        yield real.replace("s", "\u017f", 1)
        yield real.replace("aws", "aw\u00ads")
        yield real.replace("aws", "aw\u200bs")
        yield real + "\u202e"


def wrong_schemes() -> Iterator[str]:
    schemes = [
        *("http", "HTTPS", "Https", "hTTps", "ftp", "ws", "wss", "file", "blob", "data", "ssh"),
        *(
            "javascript",
            "JaVaScRiPt",
            "vbscript",
            "view-source",
            "intent",
            "ext+container",
            "about",
        ),
        *("httpss", "xhttps", "https\u200b", "feed", "jar", "mailto", "tel", "chrome", "https+x"),
    ]
    yield from (f"{scheme}://{CONSOLE}/s3/home" for scheme in schemes)
    yield from (f"{scheme}:{CONSOLE}/s3/home" for scheme in [*schemes, "https"])
    yield from (f"https:{slashes}{CONSOLE}/" for slashes in ("", "/", "///", "\\\\", "/\\", "\\/"))


def broken_text() -> Iterator[str]:
    controls = [
        "\x00",
        "\t",
        "\n",
        "\r",
        "\x0b",
        "\x0c",
        "\x1b",
        "\x7f",
        "\x85",
        "\u2028",
        "\u00a0",
    ]
    places = [
        "https://{}" + CONSOLE,
        "https://console.{}aws.amazon.com/",
        f"https://{CONSOLE}" + "{}",
        f"https://{CONSOLE}/s3{{}}/home",
        f"https://{CONSOLE}/s3/home?a={{}}",
        f"https://{CONSOLE}/s3/home#{{}}",
        "{}" + f"https://{CONSOLE}/",
        "java{}script:alert(1)",
        "/s3{}/home",
        "s3{}",
    ]
    yield from (place.format(c) for place, c in itertools.product(places, controls))
    yield from (f"/s3/home{code}" for code in ("%00", "%0a", "%0d%0aX:1", "%250a", "%1b", "%7f"))
    yield from (f"/s3/home?a{code}" for code in ("%0d%0a", "%250d", "%", "%zz", "%2", "%u0041"))
    yield from ("\ud800", "/\ud800", f"https://{CONSOLE}/\udfff")


def paths_that_leave() -> Iterator[str]:
    yield from (f"//{EVIL}", f"///{EVIL}", f"/\\{EVIL}", f"\\\\{EVIL}", f"\\/{EVIL}", f"/%5c{EVIL}")
    yield from (f"/%2f{EVIL}", f"/%2F{EVIL}", f"/%252f{EVIL}", f"%2f%2f{EVIL}", f"/%2f%2f{EVIL}")
    yield from (f"//{CONSOLE}/s3", f"//user@{EVIL}", f"https://{CONSOLE}//{EVIL}")
    for climb in ("..", ".", "%2e%2e", "%2E.", "%252e%252e"):
        yield from (f"/{climb}/{EVIL}", f"/s3/{climb}/home", f"https://{CONSOLE}/{climb}//{EVIL}")
    yield from (f"/redirect/https://{EVIL}", f"/s3/https:%2f%2f{EVIL}", f"/a%3a//{EVIL}")


def nested_redirects() -> Iterator[str]:
    targets = [
        f"https://{EVIL}",
        f"http:{EVIL}",
        f"//{EVIL}",
        f"https%3A%2F%2F{EVIL}",
        f"%2f%2f{EVIL}",
        f"%252f%252f{EVIL}",
        f"/%5c{EVIL}",
        "javascript:alert(1)",
        "JAVASCRIPT%3aalert(1)",
        f"%20https://{EVIL}",
    ]
    names = ["url", "redirect_uri", "next", "state", "Destination"]
    for name, target in itertools.product(names, targets):
        yield f"/console/home?{name}={target}"
        yield f"https://{CONSOLE}/s3/home?region=eu-west-1&{name}={target}#top"
    yield from (f"/console/home?{target}" for target in targets)
    signin = "https://signin.aws.amazon.com"
    yield f"{signin}/oauth?Action=logout&redirect_uri=https://{EVIL}"
    yield f"{signin}/federation?Action=login&Destination=https://{CONSOLE}"
    yield f"https://us-east-1.signin.aws.amazon.com/oauth?redirect_uri=https://{CONSOLE}"


def hosts_of_others() -> Iterator[str]:
    yield from (
        f"https://{EVIL}",
        f"https://{EVIL}/{CONSOLE}",
        f"https://{EVIL}/?https://{CONSOLE}",
    )
    yield from (
        "https://localhost",
        "https://127.0.0.1",
        "https://[::1]",
        "https://169.254.169.254",
    )
    yield from (
        f"https://{region}.{CONSOLE}" for region in ("cn-north-1", "us-gov-west-1", "x", "")
    )
    yield from (
        f"https://{region}.{CONSOLE}" for region in ("eusc-de-east-1", "us-iso-east-1", "*")
    )
    yield from ("https://console.amazonaws.cn", "https://cn-north-1.console.amazonaws.cn/ec2/home")
    yield from ("https://console.amazonaws-us-gov.com/s3", "https://console.amazonaws-eusc.eu/")
    yield from ("https://aws.amazon.com", "https://amazon.com", "https://docs.aws.amazon.com")
    yield from ("https://s3.amazonaws.com/evil", "https://evil.s3.amazonaws.com/x.html")
    yield from ("https://evil.console.aws.amazon.com", "https://ec2.eu-west-1.amazonaws.com")
    yield from ("https://evil.awsapps.com/start", "https://evil.signin.aws.amazon.com/console")
    yield from (
        "https://eu-west-1.health.console.aws.amazon.com",
        "https://evil.lightsail.aws.amazon.com",
    )
    yield from (
        f"https://333333333333-abc.eu-west-1.{CONSOLE}/",
        f"https://222222222222-.{CONSOLE}/",
    )
    yield from (f"https://22222222222-abc.{CONSOLE}/", f"https://2222222222222-abc.{CONSOLE}/")
    yield from (f"https://222222222222.{CONSOLE}/", f"https://222222222222-a-b.{CONSOLE}/")
    yield f"https://222222222222-abc.222222222222-abc.{CONSOLE}/"
    yield f"https://222222222222-abc.{EVIL}"
    yield f"https://333333333333-abc.{CONSOLE}/"
    yield from (f"https://eu-west-1{CONSOLE}/", f"https://eu-west-1..{CONSOLE}/")
    yield f"https://222222222222-abc.{CONSOLE}:443/" + "a" * 2_000


def wrong_regions_and_lengths() -> Iterator[str]:
    regions = [
        "x",
        "cn-north-1",
        "us-gov-west-1",
        "eu-west-1.evil.example",
        "evil.example%23",
        "EU",
    ]
    yield from (f"/s3/home?region={region}" for region in regions)
    yield from (f"https://{CONSOLE}/s3/home?re%67ion={region}" for region in regions)
    yield from ("/s3?region=eu-west-1&region=eu-west-1", "/s3?region=eu-west-1&%72egion=x")
    yield from (
        "/" + "a" * 2_048,
        "a" * 65,
        f"https://{CONSOLE}/#" + "a" * 2_048,
        "/" + "\u00e9" * 400,
    )


def no_addresses_at_all() -> Iterator[str]:
    yield from (
        "s3/home",
        "s3.home",
        "s3?x",
        "s3#x",
        "S3:",
        "@evil",
        "?region=eu-west-1",
        "#x",
        "..",
    )
    yield from (
        "\u212ams",
        "\u0455\u0373",
        "s\u00b3",
        "<script>",
        "'\"",
        "s_3",
        "%73%33",
        "s3%00",
        "*",
    )
    yield from (
        CONSOLE,
        f"{CONSOLE}/s3",
        EVIL,
        "evil.example/s3",
        "{region}",
        "\u2025/",
        "\uff0fs3",
    )


def every_hostile_destination() -> list[str]:
    """All of them, each once."""
    hosts = itertools.chain(
        hosts_that_look_real(), hosts_with_something_beside(), hosts_written_strangely()
    )
    urls = (f"https://{host}/s3/home?region=eu-west-1" for host in hosts)
    others = itertools.chain(
        wrong_schemes(),
        broken_text(),
        paths_that_leave(),
        nested_redirects(),
        hosts_of_others(),
        wrong_regions_and_lengths(),
        no_addresses_at_all(),
    )
    return list(dict.fromkeys(itertools.chain(urls, others)))
