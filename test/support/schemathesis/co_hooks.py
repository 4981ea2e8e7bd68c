"""Bounds the calls: none without an end, and none that keeps the machine busy with what other tests are for."""

import schemathesis

REPLICAS = 3
REPLICAS_MAX = 10_000


@schemathesis.hook
def filter_case(context, case):
    """An event stream follows the log until its client goes, and a follower what containers print."""
    query = case.query if isinstance(case.query, dict) else {}
    return query.get("format") != "sse" and query.get("follow") != "true"


@schemathesis.hook
def before_call(context, case, kwargs):
    """As many replicas as the document allows would all be started; more are refused, as they should be."""
    body = case.body if isinstance(case.body, dict) else {}
    services = body.get("services")
    for member in [body, *(services if isinstance(services, list) else [])]:
        replicas = member.get("replicas") if isinstance(member, dict) else None
        if type(replicas) is int and REPLICAS < replicas <= REPLICAS_MAX:
            member["replicas"] = REPLICAS
