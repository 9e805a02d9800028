"""Sessions that read: discovery, get in all its forms, watches, describe, explain."""

from typing import Final

from tests.clients.manifest import EVENT_TYPE, broker, trigger
from tests.clients.session import Session, Step

_THREE: Final = {
    "b.yaml": broker("b1", "{delivery: {retry: 3, backoffPolicy: exponential, backoffDelay: PT0.2S}}"),
    "t1.yaml": trigger("t1", metadata=", labels: {team: a, session: reading}"),
    "t2.yaml": trigger("t2", "bill", metadata=", labels: {team: b, session: reading}"),
    "e.yaml": EVENT_TYPE,
}
_CREATED: Final = Step("create -f b.yaml -f t1.yaml -f t2.yaml -f e.yaml")

DISCOVERY: Final = Session(
    "discovery",
    [
        Step("version"),
        *(Step(f"api-resources --api-group={group}.knative.dev") for group in ("eventing", "messaging", "sources")),
        Step("api-resources --api-group=eventing.knative.dev -o wide"),
        Step("api-resources --api-group=sources.knative.dev -o name"),
        Step("api-resources --namespaced=true --verbs=list,watch -o name", keep=r"knative\.dev"),
        Step("api-versions", keep=r"^(v1$|.*knative\.dev)"),
        Step("auth can-i create triggers"),
        Step("auth can-i delete brokers.eventing.knative.dev/b1"),
    ],
)
GET: Final = Session(
    "reading",
    [
        _CREATED,
        Step("get brokers"),
        Step("get triggers"),
        Step("get trigger t1"),
        Step("get trigger/t1 broker/b1"),
        Step("get triggers -o wide"),
        Step("get triggers --no-headers -o custom-columns=NAME:.metadata.name"),
        Step("get triggers --show-labels"),
        Step("get triggers -L team"),
        Step("get triggers -A -l session=reading"),
        Step("get triggers,brokers -o name"),
        Step("get triggers.eventing.knative.dev -o name"),
        Step("get triggers.v1.eventing.knative.dev -o name"),
        Step("get trigger t1 -o yaml", since=(1, 21)),
        Step("get triggers -o yaml", since=(1, 21)),
        Step("get trigger t1 -o jsonpath='{.spec.filter.attributes.type}{\"\\n\"}'"),
        Step("get triggers -o jsonpath='{range .items[*]}{.metadata.name}={.spec.broker} {end}'"),
        Step("get triggers -o custom-columns=NAME:.metadata.name,TYPE:.spec.filter.attributes.type"),
        Step("get triggers -o go-template='{{range .items}}{{.metadata.name}} {{end}}'"),
        Step("get triggers --sort-by=.spec.filter.attributes.type -o name"),
        Step("get triggers --sort-by=.spec.filter.attributes.type"),
        Step("get triggers --chunk-size=1"),
        Step("get triggers --chunk-size=1 -o name"),
        Step("get -f t1.yaml -o name"),
    ],
    _THREE,
)
SELECTION: Final = Session(
    "selection",
    [
        _CREATED,
        *(
            Step(f"get triggers -l '{selector}' -o name")
            for selector in (
                "team=a",
                "team!=a",
                "team in (a,b)",
                "team notin (a)",
                "team",
                "!team",
                "team=a,session=x",
            )
        ),
        Step("get triggers -l 'team in'", exit=1),
        Step("get triggers --field-selector metadata.name=t1 -o name"),
        Step("get triggers --field-selector metadata.name!=t1 -o name"),
        Step("get triggers --field-selector metadata.namespace=selection -A -o name"),
        Step("get triggers --field-selector spec.broker=b1 -o name", exit=1),
        Step("get eventing -o name"),
        Step("get knative -l team=a -o name"),
        Step("get trigger nowhere", exit=1),
        Step("get trigger nowhere --ignore-not-found"),
        Step("get nonsense", exit=1),
        Step("get triggers -n nothing-here"),
        Step("get --raw /apis/eventing.knative.dev/v1/namespaces/selection/triggers/nowhere", exit=1),
        Step("get --raw /apis/nonsense.knative.dev/v1/things", exit=1),
    ],
    _THREE,
)
WATCH: Final = Session(
    "watching",
    [
        _CREATED,
        Step("create configmap c1 --from-literal=a=b"),
        Step(
            "get configmaps -w -o name",
            lines=4,
            meanwhile=("label configmap c1 team=a", "annotate configmap c1 note=b", "create configmap c2"),
        ),
        Step("get configmaps -w --output-watch-events", lines=4, meanwhile=("delete configmap c2",)),
        Step("get configmap c1 -w -o name", lines=2, meanwhile=("label configmap c1 seen=yes",)),
        Step("get configmaps -w -l team=b -o name", lines=1, meanwhile=("label configmap c1 team=b --overwrite",)),
        Step("get triggers -w -o name", lines=3, meanwhile=("create -f t3.yaml",), is_distinct=True),
        Step("get trigger t1 -w -o name", lines=1, is_distinct=True),
    ],
    _THREE | {"t3.yaml": trigger("t3", "late")},
)
DESCRIBE: Final = Session(
    "describing",
    [
        _CREATED,
        Step("describe trigger t1", since=(1, 21)),
        Step("describe broker b1", since=(1, 21)),
        Step("describe triggers -l team=b", since=(1, 21)),
        Step("describe trigger nowhere", exit=1),
        Step("explain trigger"),
        Step("explain trigger.spec"),
        Step("explain trigger.spec.filters"),
        Step("explain broker.spec.delivery --recursive"),
        Step("explain trigger.spec.nonsense", exit=1, since=(1, 36)),
        Step("explain eventtypes --api-version=eventing.knative.dev/v1beta2"),
        Step("get eventtypes.v1beta2.eventing.knative.dev e1 -o jsonpath='{.apiVersion} {.spec.broker}{\"\\n\"}'"),
    ],
    _THREE,
)
READING: Final = (DISCOVERY, GET, SELECTION, WATCH, DESCRIBE)
