"""Sessions with the core kinds that Knative's resources refer to."""

from typing import Final

from tests.clients.manifest import SERVICE
from tests.clients.session import Session, Step

CONFIGURATION: Final = Session(
    "configuring",
    [
        Step("create configmap cm1 --from-literal=a=b"),
        Step("create configmap cm1 --from-literal=a=b", exit=1),
        Step("get configmap cm1"),
        Step("get configmap cm1 -o yaml", since=(1, 21)),
        Step("""patch configmap cm1 -p '{"data":{"c":"d"}}'"""),
        Step("get cm cm1 -o jsonpath='{.data}'"),
        Step("label configmap cm1 team=a"),
        Step("apply -f -", stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm2}\ndata: {a: x, b: x}\n"),
        Step("apply -f -", stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm2}\ndata: {a: z}\n"),
        Step("get configmap cm2 -o jsonpath='{.data}'"),
        Step("create secret generic s1 --from-literal=password=x"),
        Step("get secret s1"),
        Step("get secret s1 -o yaml", since=(1, 21)),
        Step("describe secret s1"),
        Step("""patch secret s1 -p '{"stringData":{"user":"me"}}'"""),
        Step("get secret s1 -o jsonpath='{.data}'"),
        Step("delete configmap cm1"),
        Step("delete secret s1"),
        Step("get configmap cm1", exit=1),
    ],
)
SERVICES: Final = Session(
    "serving",
    [
        Step("apply -f service.yaml"),
        Step("get service web"),
        Step("get svc web -o jsonpath='{.spec.externalName}'"),
        Step("""patch service web -p '{"spec":{"externalName":"other.example"}}'"""),
        Step("get svc web -o jsonpath='{.spec.externalName}'"),
        Step("delete -f service.yaml"),
        Step("get events"),
    ],
    {"service.yaml": SERVICE},
)
NAMESPACES: Final = Session(
    "naming",
    [
        Step("create namespace team-a"),
        Step("create namespace team-a", exit=1),
        Step("get namespace team-a"),
        Step("get ns default -o jsonpath='{.status.phase}'"),
        Step("label namespace team-a owner=me"),
        Step("create configmap cm1 -n team-a --from-literal=a=b"),
        Step("delete namespace team-a"),
        Step("get namespace team-a", exit=1),
        Step("get configmap cm1 -n team-a", exit=1),
        Step("create configmap cm1 -n team-a --from-literal=a=b", exit=1),
        Step("create namespace Bad_Name", exit=1),
    ],
)
CORE: Final = (CONFIGURATION, SERVICES, NAMESPACES)
