"""How the portal names itself to AWS: with the request's number, so that CloudTrail has it too."""

from portal.log_lines import request_id

PRODUCT = "sekisho"


def user_agent(client: str = "") -> str:
    """The User-Agent of a call made now, after what the client library says of itself.

    ``sekisho/K7Q2-F9MD-4RXH`` names the request on whose behalf AWS is asked; it is the number of
    the error page, the log line and the row. The header is not signed, so that one shared client
    can send another one with each call.
    """
    number = request_id.get()
    product = f"{PRODUCT}/{number}" if number else PRODUCT
    return f"{client} {product}" if client else product
