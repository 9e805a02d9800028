"""Sessions that write Knative's kinds: create, apply, patch, edit, replace, delete, wait, scale."""

from typing import Final

from tests.clients.manifest import GENERATED, KAFKA_SOURCE, broker, channel, trigger
from tests.clients.session import Session, Step

_FILES: Final = {
    "b.yaml": broker("b1"),
    "t.yaml": trigger("t1"),
    "t-bill.yaml": trigger("t1", "bill"),
    "other.yaml": trigger("t2"),
    "elsewhere.yaml": trigger("t9", metadata=", namespace: elsewhere"),
    "unknown.yaml": broker("b2", "{delivry: {retry: 3}}"),
    "wrong.yaml": trigger("t3").replace("broker: b1", "broker: [1]"),
    "generated.yaml": GENERATED,
    "channel.yaml": channel("c1", "InMemoryChannel"),
    "channel-kafka.yaml": channel("c1", "KafkaChannel"),
    "kafka.yaml": KAFKA_SOURCE,
}
_BASE: Final = Step("create -f b.yaml -f t.yaml")
_TYPE: Final = Step("get trigger t1 -o jsonpath='{.metadata.generation} {.spec.filter.attributes.type}{\"\\n\"}'")

CREATE: Final = Session(
    "creating",
    [
        Step("create -f b.yaml"),
        Step("create -f b.yaml", exit=1),
        Step("create -f -", stdin=trigger("t0")),
        Step("create -f generated.yaml"),
        Step("create -f elsewhere.yaml", exit=1),
        Step("create -n nowhere -f t.yaml", exit=1),
        Step("create -f unknown.yaml", exit=1, since=(1, 25)),
        Step("create -f unknown.yaml --validate=false"),
        Step("get broker b2 -o jsonpath='{.spec.delivry}'"),
        Step("create -f wrong.yaml", exit=1),
        Step("create -f wrong.yaml --validate=false", exit=1),
        Step("create -f t.yaml --dry-run=client -o name"),
        Step("create -f t.yaml --dry-run=server"),
        Step("get trigger t1", exit=1),
        Step("create -f t.yaml -o jsonpath='{.metadata.generation}'"),
    ],
    _FILES,
)
APPLY: Final = Session(
    "applying",
    [
        Step("apply -f b.yaml -f t.yaml"),
        Step("apply -f t.yaml"),
        Step("diff -f t-bill.yaml", exit=1, keep=r"^[-+] (?!.*time:)"),
        Step("apply -f t-bill.yaml --dry-run=server"),
        _TYPE,
        Step("apply -f t-bill.yaml"),
        _TYPE,
        Step("apply view-last-applied trigger t1"),
        Step("apply -f unknown.yaml", exit=1, since=(1, 25)),
        Step("apply -f wrong.yaml", exit=1),
        Step("apply -f other.yaml -l nothing=here", exit=1),
    ],
    _FILES,
)
SERVER_SIDE: Final = Session(
    "serverside",
    [
        Step("apply --server-side -f channel.yaml"),
        Step("apply --server-side -f channel.yaml"),
        Step("apply --server-side --field-manager other -f channel-kafka.yaml", exit=1),
        Step("get channels.messaging.knative.dev c1 -o jsonpath='{.spec.channelTemplate.kind}'"),
        Step("apply --server-side --field-manager other --force-conflicts -f channel-kafka.yaml --dry-run=server"),
        Step("apply --server-side --field-manager other --force-conflicts -f channel.yaml"),
        Step("apply --server-side -f t.yaml"),
        Step("apply --server-side --field-manager other -f t-bill.yaml", exit=1),
        Step("apply --server-side --field-manager other --force-conflicts -f t-bill.yaml"),
        _TYPE,
        Step("get trigger t1 -o jsonpath='{.metadata.managedFields[*].manager}'"),
        Step("apply --server-side -f wrong.yaml", exit=1),
    ],
    _FILES,
)
_STATUS: Final = '{"spec":{"broker":"no"},"status":{"observedGeneration":77}}'
PATCH: Final = Session(
    "patching",
    [
        _BASE,
        Step("""patch trigger t1 --type merge -p '{"spec":{"filter":{"attributes":{"type":"x"}}}}'"""),
        _TYPE,
        Step("""patch trigger t1 --type merge -p '{"spec":{"filter":{"attributes":{"type":"x"}}}}'"""),
        Step(
            """patch trigger t1 --type json -p '[{"op":"replace","path":"/spec/filter/attributes/type","value":"y"}]'"""
        ),
        _TYPE,
        Step("""patch trigger t1 --type json -p '[{"op":"test","path":"/metadata/name","value":"zz"}]'""", exit=1),
        Step("""patch trigger t1 --type json -p '[{"op":"remove","path":"/spec/nothing"}]'""", exit=1),
        Step("""patch trigger t1 -p '{"spec":{"broker":"b1"}}'""", exit=1),
        Step("""patch trigger t1 --type merge -p '{"spec":{"broker":7}}'""", exit=1),
        Step("""patch trigger nowhere --type merge -p '{}'""", exit=1),
        Step(f"patch trigger t1 --subresource=status --type merge -p '{_STATUS}'", since=(1, 24)),
        Step("""patch trigger t1 --type merge -p '{"status":{"subscriberUri":"http://evil.example"}}'"""),
        _TYPE,
        Step("label trigger t1 team=a"),
        Step("label trigger t1 team=b", exit=1),
        Step("label trigger t1 team=b --overwrite"),
        Step("label trigger t1 'bad key=x'", exit=1),
        Step("label trigger t1 team-"),
        Step("annotate trigger t1 note=b"),
        Step("annotate trigger t1 note-"),
        _TYPE,
    ],
    _FILES,
)
EDIT: Final = Session(
    "editing",
    [
        _BASE,
        Step("edit trigger t1", editor="sed -i 's/type: order/type: edited/'"),
        _TYPE,
        Step("edit trigger t1", editor="true"),
        Step("edit trigger t1", editor="sed -i 's/^  broker: b1/  broker: [1]/'", exit=1, keep="^! .*(error|invalid)"),
        Step("replace -f t-bill.yaml"),
        _TYPE,
        Step("replace -f other.yaml", exit=1),
        Step(
            "replace -f -",
            exit=1,
            stdin=trigger("t1", metadata=", resourceVersion: '1'"),
        ),
        Step("replace --force -f t.yaml"),
        _TYPE,
    ],
    _FILES,
)
DELETE: Final = Session(
    "deleting",
    [
        Step("create -f b.yaml -f t.yaml -f other.yaml -f channel.yaml"),
        Step("delete trigger t2"),
        Step("delete trigger t2", exit=1),
        Step("delete trigger t2 --ignore-not-found"),
        Step("""patch trigger t1 --type merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'"""),
        Step("delete trigger t1 --wait=false"),
        Step("get trigger t1 -o jsonpath='{.metadata.finalizers} {.metadata.deletionGracePeriodSeconds}'"),
        Step("""patch trigger t1 --type merge -p '{"metadata":{"finalizers":["a.example/new"]}}'""", exit=1),
        Step("""patch trigger t1 --type merge -p '{"metadata":{"finalizers":null}}'"""),
        Step("get trigger t1", exit=1),
        Step("create -f t.yaml -f other.yaml"),
        Step("delete triggers -l nothing=here"),
        Step("delete trigger --all"),
        Step("delete -f channel.yaml --cascade=foreground"),
        Step("create -f channel.yaml"),
        Step("delete -f channel.yaml --cascade=orphan"),
        Step("delete -f b.yaml --cascade=background --grace-period=0 --force", keep="^[^!]"),
        Step("get --raw /apis/eventing.knative.dev/v1/namespaces/deleting/brokers/b1", exit=1),
    ],
    _FILES,
)
_READY: Final = '{"status":{"observedGeneration":1,"conditions":[{"type":"Ready","status":"True"}]}}'
WAIT: Final = Session(
    "waiting",
    [
        _BASE,
        Step(f"patch trigger t1 --subresource=status --type merge -p '{_READY}'", since=(1, 24), keep="nothing"),
        Step("wait --for=condition=Ready trigger/t1 --timeout=10s", since=(1, 24)),
        Step("wait --for=condition=Nonsense trigger/t1 --timeout=1s", exit=1),
        Step("wait --for=jsonpath='{.spec.broker}'=b1 trigger/t1 --timeout=10s", since=(1, 23)),
        Step("wait --for=condition=Ready trigger/nowhere --timeout=1s", exit=1),
        Step("delete trigger t1 --wait=false"),
        Step("wait --for=delete trigger/t1 --timeout=10s", since=(1, 21)),
    ],
    _FILES,
)
SCALE: Final = Session(
    "scaling",
    [
        Step("create -f kafka.yaml"),
        Step("scale kafkasource/k1 --replicas=3"),
        Step("get kafkasource k1 -o jsonpath='{.spec.consumers}'"),
        Step("scale kafkasource/k1 --replicas=5 --current-replicas=1", exit=1),
        Step("get --raw /apis/sources.knative.dev/v1/namespaces/scaling/kafkasources/k1/scale", keep="nothing"),
        Step("scale kafkasource/nowhere --replicas=3", exit=1),
        Step("create -f b.yaml"),
        Step("scale broker/b1 --replicas=3", exit=1),
    ],
    _FILES,
)
WRITING: Final = (CREATE, APPLY, SERVER_SIDE, PATCH, EDIT, DELETE, WAIT, SCALE)
