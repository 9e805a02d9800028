"""Service: a name that events can be sent to, for what runs in a cluster or anywhere else.

Offline it has an `externalName` where its host can be reached; what a cluster would do with the rest is not done.
Source: the core/v1 API, its defaults and the columns that Kubernetes prints for it. Pure.
"""

from typing import Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.identity import Object
from eventing.resources.kind import AGE_COLUMN, Column, Context, Kind, Version
from eventing.resources.metadata import is_subdomain
from eventing.resources.schema import BOOLEAN, INT32, OPEN, STRING, Node, array, mapping, record, string

_PORT_MAX: Final = 65535
_NOTHING: Final = "<none>"


def _default(item: Object, _context: Context) -> None:
    spec = item.setdefault("spec", {})
    spec.setdefault("type", "ExternalName" if spec.get("externalName") else "ClusterIP")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])


def _validate(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    spec = item["spec"]
    errors = []
    name = spec.get("externalName")
    if spec.get("type") == "ExternalName" and not name:
        errors.append(FieldError("spec.externalName", "Required value"))
    elif name and not is_subdomain(name):
        reason = f'Invalid value: "{shown(name)}": must be a lowercase RFC 1123 subdomain'
        errors.append(FieldError("spec.externalName", reason))
    for index, port in enumerate(spec.get("ports", [])):
        if not 0 < port["port"] <= _PORT_MAX:
            reason = f"Invalid value: {port['port']}: must be between 1 and {_PORT_MAX}, inclusive"
            errors.append(FieldError(at("spec.ports", index, "port"), reason))
    return errors


def _cluster_ip(item: Object) -> str:
    return str(item["spec"].get("clusterIP") or _NOTHING)


def _external_ip(item: Object) -> str:
    spec = item["spec"]
    ingress = item.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    if spec["type"] == "ExternalName":
        return str(spec.get("externalName") or _NOTHING)
    found = [*spec.get("externalIPs", []), *(one.get("ip") or one.get("hostname", "") for one in ingress)]
    if spec["type"] == "LoadBalancer" and not found:
        return "<pending>"
    return ",".join(found) or _NOTHING


def _ports(item: Object) -> str:
    return ",".join(map(_port, item["spec"].get("ports", []))) or _NOTHING


def _port(port: Object) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port['protocol']}"


def _selector(item: Object) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(item["spec"].get("selector", {}).items())) or _NOTHING


def _show_status(item: Object) -> Object:
    """Nobody balances loads here, which Kubernetes shows so."""
    return {**item, "status": {"loadBalancer": {}, **item.get("status", {})}}


_PORT: Final = record(
    {
        "name": string("Its name. Must be given where there are several."),
        "protocol": string("TCP, UDP or SCTP. TCP by default.", default="TCP"),
        "port": INT32.described("The number that clients use, 1 to 65535."),
        "targetPort": Node(
            "any", format="int-or-string", description="The number or name that servers use. As `port` by default."
        ),
        "nodePort": INT32.described("The number on the cluster's nodes."),
        "appProtocol": string("What is spoken there, such as http."),
    },
    "One port.",
    required=("port",),
)
_CLUSTER_ONLY: Final[dict[str, Node]] = {
    **{
        name: STRING.described("A cluster's setting. Kept, and not looked at here.")
        for name in (
            *("externalTrafficPolicy", "internalTrafficPolicy", "ipFamilyPolicy", "loadBalancerClass"),
            *("loadBalancerIP", "sessionAffinity", "trafficDistribution"),
        )
    },
    **{
        name: array(STRING, "A cluster's setting. Kept, and not looked at here.")
        for name in ("clusterIPs", "ipFamilies", "loadBalancerSourceRanges")
    },
    **{
        name: BOOLEAN.described("A cluster's setting. Kept, and not looked at here.")
        for name in ("allocateLoadBalancerNodePorts", "publishNotReadyAddresses")
    },
    "healthCheckNodePort": INT32.described("A cluster's setting. Kept, and not looked at here."),
    "sessionAffinityConfig": OPEN.described("A cluster's setting. Kept, and not looked at here."),
}
_INGRESS: Final = record(
    {
        "ip": string("Its IP address."),
        "hostname": string("Its host name."),
        "ipMode": string("How its address behaves: VIP or Proxy."),
        "ports": array(OPEN, "What is wrong with its ports."),
    },
    "One entry.",
)
_COLUMNS: Final = (
    Column("Type", ".spec.type"),
    Column("Cluster-IP", cell=_cluster_ip),
    Column("External-IP", cell=_external_ip),
    Column("Port(s)", cell=_ports),
    AGE_COLUMN,
    Column("Selector", cell=_selector, priority=1),
)
_FIELDS: Final[dict[str, Node]] = {
    "spec": record(
        {
            "type": string(
                "ClusterIP, NodePort, LoadBalancer or ExternalName. ExternalName by default where `externalName` "
                "is given, else ClusterIP."
            ),
            "externalName": string("The host that it stands for."),
            "clusterIP": string("Its address in a cluster, or None. Nobody gives it one here."),
            "externalIPs": array(STRING, "Addresses outside the cluster."),
            "selector": mapping(STRING, "The labels of the pods behind it.", is_atomic=True),
            "ports": array(
                _PORT,
                "Its ports. The first is where events go.",
                list_type="map",
                list_keys=("port", "protocol"),
                patch_key="port",
            ),
            **_CLUSTER_ONLY,
        },
        "Where it leads.",
    ),
    "status": record(
        {
            "loadBalancer": record(
                {"ingress": array(_INGRESS, "Where it can be reached.")}, "What a load balancer says of it."
            ),
            "conditions": array(
                OPEN, "What is known about it.", list_type="map", list_keys=("type",), patch_key="type"
            ),
        },
        "What a cluster says of it. Nobody writes it here.",
    ),
}
SERVICE: Final = Kind(
    group="",
    version="v1",
    name="Service",
    plural="services",
    description="A name that events can be sent to: that of a host (`externalName`), or of a cluster's Service.",
    short_names=("svc",),
    categories=("all",),
    columns=_COLUMNS,
    fields=_FIELDS,
    others=(Version("v1", _FIELDS, _COLUMNS, default=_default, validate=_validate, from_stored=_show_status),),
    default=_default,
    validate=_validate,
)
