using Ctwa.Deploy.Tests.Rules;

namespace Ctwa.Deploy.Tests.Mutations;

/// <summary>At least one mistake for every rule, and for each thing that a rule looks at.</summary>
internal static class MutationList
{
    private const string Cpu = "overlays/cpu", Gpu = "overlays/gpu", Dev = "overlays/dev", Full = "overlays/full", Quickstart = "examples/quickstart";

    private const string Deployment = "Deployment", Policy = "NetworkPolicy";

    public static IReadOnlyList<Mutation> All { get; } =
    [
        // Strict reading.
        new("a key is misspelt", ManifestRule.Strict, Cpu, Deployment, "ctwa-silo", "periodSeconds: 10", "periodSecond: 10"),
        new("a number is written in words", ManifestRule.Strict, Cpu, Deployment, "ctwa-silo", "replicas: 3", "replicas: \"three\""),
        new("a unit of memory does not exist", ManifestRule.Strict, Cpu, Deployment, "ctwa-silo", "memory: 16Gi", "memory: 16Gx"),
        new("a selector is missing", ManifestRule.Strict, Cpu, Deployment, "ctwa-silo", "  selector:\n    matchLabels:\n      app.kubernetes.io/component: silo\n      app.kubernetes.io/name: ctwa\n", ""),
        new("a kind does not exist", ManifestRule.Strict, Cpu, "PodDisruptionBudget", "ctwa-silo", "kind: PodDisruptionBudget", "kind: PodDisruptionBudgets"),
        new("a key stands twice", ManifestRule.Strict, Cpu, Deployment, "ctwa-silo", "minReadySeconds: 10", "minReadySeconds: 10\n  minReadySeconds: 10"),
        new("a key of KEDA is misspelt", ManifestRule.Strict, Full, "ScaledObject", "ctwa-silo", "maxReplicaCount:", "maxReplicas:"),
        new("a key of a PodMonitor is misspelt", ManifestRule.Strict, Full, "PodMonitor", "ctwa-silo", "podMetricsEndpoints:", "endpoints:"),
        new("a mount has no path", ManifestRule.Strict, Cpu, Deployment, "ctwa-silo", "- mountPath: /tmp\n          name: tmp", "- name: tmp"),
        new("an object has no name", ManifestRule.Strict, Cpu, "PodDisruptionBudget", "ctwa-silo", "  name: ctwa-silo\n", ""),

        // Words.
        new("a taint's effect is misspelt", "words", Gpu, Deployment, "ctwa-silo", "effect: NoSchedule", "effect: NoSchedul"),
        new("a policy's type is misspelt", "words", Cpu, Policy, "ctwa-silo", "- Egress", "- Egres"),
        new("an access mode is misspelt", "words", Cpu, "PersistentVolumeClaim", "ctwa-storage", "ReadWriteMany", "ReadWriteAll"),
        new("a strategy is misspelt", "words", Cpu, Deployment, "ctwa-silo", "type: RollingUpdate", "type: Rolling"),
        new("a protocol is misspelt", "words", Cpu, Policy, "ctwa-silo", "protocol: TCP", "protocol: tcp"),

        // Names.
        new("an object is in another namespace", "names", Cpu, "Service", "ctwa-silo", "namespace: ctwa", "namespace: default"),
        new("the namespace lets everything in", "names", Cpu, "Namespace", "ctwa", "enforce: restricted", "enforce: privileged"),
        new("a StatefulSet's Service has another name", "names", Cpu, "StatefulSet", "ctwa-redis", "serviceName: ctwa-redis", "serviceName: redis"),
        new("Redis' Service is not headless", "names", Cpu, "Service", "ctwa-redis", "clusterIP: None", "clusterIP: 10.0.0.1"),

        // Selectors.
        new("a template has another label than the selector", "selectors", Cpu, Deployment, "ctwa-silo", "    metadata:\n      labels:\n        app.kubernetes.io/component: silo", "    metadata:\n      labels:\n        app.kubernetes.io/component: compute"),
        new("a Deployment's selector takes another's pods too", "selectors", Cpu, Deployment, "ctwa-silo", "    matchLabels:\n      app.kubernetes.io/component: silo\n", "    matchLabels:\n"),
        new("a Service chooses nothing", "selectors", Cpu, "Service", "ctwa-silo", "ctwa/grid: ctwa", "ctwa/grid: grid"),
        new("a PodDisruptionBudget protects nothing", "selectors", Cpu, "PodDisruptionBudget", "ctwa-silo", "component: silo", "component: silos"),
        new("a policy is about nothing", "selectors", Cpu, Policy, "ctwa-redis", "component: redis", "component: cache"),
        new("a policy's peer does not exist", "selectors", Cpu, Policy, "ctwa-redis", "ctwa/grid: ctwa", "ctwa/grid: grid"),
        new("a PodMonitor watches nothing", "selectors", Full, "PodMonitor", "ctwa-silo", "ctwa/grid: ctwa", "app: silo"),
        new("a topology spread counts other pods", "selectors", Cpu, Deployment, "ctwa-silo", "- labelSelector:\n          matchLabels:\n            app.kubernetes.io/component: silo", "- labelSelector:\n          matchLabels:\n            app.kubernetes.io/component: redis"),

        // Ports.
        new("a probe asks a port that does not exist", "ports", Cpu, Deployment, "ctwa-silo", "path: /healthz\n            port: http", "path: /healthz\n            port: htp"),
        new("a Service's target port does not exist", "ports", Cpu, "Service", "ctwa-silo", "targetPort: http", "targetPort: htp"),
        new("two ports share a number", "ports", Cpu, Deployment, "ctwa-silo", "containerPort: 12000", "containerPort: 11111"),
        new("a PodMonitor scrapes a port that does not exist", "ports", Full, "PodMonitor", "ctwa-silo", "port: http", "port: metrics"),
        new("Redis' probe asks another port", "ports", Cpu, "StatefulSet", "ctwa-redis", "tcpSocket:\n            port: redis", "tcpSocket:\n            port: 6380"),

        // Volumes.
        new("a mount has no volume", "volumes", Cpu, Deployment, "ctwa-silo", "- mountPath: /ctwa\n          name: storage", "- mountPath: /ctwa\n          name: storag"),
        new("two volumes are mounted at one path", "volumes", Cpu, Deployment, "ctwa-silo", "mountPath: /data", "mountPath: /tmp"),
        new("a ConfigMap does not exist", "volumes", Cpu, "StatefulSet", "ctwa-redis", "configMap:\n          name: ctwa-redis-", "configMap:\n          name: redis-"),
        new("a volume claim does not exist", "volumes", Cpu, Deployment, "ctwa-silo", "claimName: ctwa-storage", "claimName: ctwa-runs"),

        // Secrets.
        new("a Secret is neither made nor documented", "secrets", Cpu, Deployment, "ctwa-silo", "secretName: ctwa-tokens", "secretName: tokens"),
        new("a Secret's key is another", "secrets", Cpu, Deployment, "ctwa-silo", "key: cluster-secret", "key: secret"),
        new("a client's Secret is another", "secrets", Cpu, Deployment, "ctwa-client", "key: token", "key: tokens"),
        new("a submission's Secret is another", "secrets", Quickstart, "Job", "quickstart", "name: ctwa-client", "name: ctwa-tokens"),
        new("a password lies in the manifests", "secrets", Cpu, "Service", "ctwa-silo", "apiVersion: v1\n", "apiVersion: v1\ndata:\n  redis-password: aHVudGVyMg==\nkind: Secret\nmetadata:\n  name: ctwa-secrets\n  namespace: ctwa\n---\napiVersion: v1\n"),

        // Probes.
        new("a probe's path is one that the silo does not serve", "probes", Cpu, Deployment, "ctwa-silo", "path: /readyz", "path: /ready"),
        new("a liveness probe's path is one that the silo does not serve", "probes", Cpu, Deployment, "ctwa-silo", "path: /healthz", "path: /health"),
        new("a silo is restarted for not being ready", "probes", Cpu, Deployment, "ctwa-silo", "livenessProbe:\n          failureThreshold: 6\n          httpGet:\n            path: /healthz", "livenessProbe:\n          failureThreshold: 6\n          httpGet:\n            path: /readyz"),
        new("readiness is liveness", "probes", Cpu, Deployment, "ctwa-silo", "path: /readyz", "path: /healthz"),
        new("a startup probe gives up too early", "probes", Cpu, Deployment, "ctwa-silo", "failureThreshold: 60", "failureThreshold: 5"),
        new("there is no startup probe", "probes", Cpu, Deployment, "ctwa-silo", "startupProbe:\n          failureThreshold: 60\n          httpGet:\n            path: /healthz\n            port: http\n          periodSeconds: 2\n", "stdin: false\n"),

        // Silo options.
        new("an option does not exist", "silo options", Cpu, Deployment, "ctwa-silo", "CTWA_SILO_GATEWAY_PORT", "CTWA_SILO_GATWAY_PORT"),
        new("an option's value is wrong", "silo options", Cpu, Deployment, "ctwa-silo", "value: \"600\"", "value: 10m"),
        new("the silo listens on another port than its container says", "silo options", Cpu, Deployment, "ctwa-silo", "value: \"12000\"", "value: \"12001\""),
        new("a container's port is another than the silo's", "silo options", Cpu, Deployment, "ctwa-silo", "containerPort: 30000", "containerPort: 30001"),
        new("a variable is used before it is set", "silo options", Cpu, Deployment, "ctwa-silo", "value: $(ORLEANS_CLUSTER_ID)", "value: $(CLUSTER_ID)"),
        new("a file of a secret lies elsewhere", "silo options", Cpu, Deployment, "ctwa-silo", "/run/secrets/ctwa/cluster-secret", "/run/secrets/cluster-secret"),
        new("the silo tells others to come by loopback", "silo options", Cpu, Deployment, "ctwa-silo", "- name: CTWA_SILO_ADVERTISE\n          value: $(POD_IP)", "- name: CTWA_SILO_ADVERTISE\n          value: 127.0.0.1"),
        new("port-forward cannot reach the silo", "silo options", Cpu, Deployment, "ctwa-silo", "value: 0.0.0.0", "value: $(POD_IP)"),
        new("there is no Redis at that name", "silo options", Cpu, Deployment, "ctwa-silo", "value: ctwa-redis:6379", "value: redis:6379"),
        new("Redis' port is another", "silo options", Cpu, Deployment, "ctwa-silo", "value: ctwa-redis:6379", "value: ctwa-redis:6380"),
        new("no tokens are asked for", "silo options", Cpu, Deployment, "ctwa-silo", "        - name: CTWA_SILO_TOKENS\n          value: /run/secrets/ctwa-tokens/tokens.json\n", ""),
        new("silos have no secret", "silo options", Cpu, Deployment, "ctwa-silo", "        - name: CTWA_SILO_SECRET_FILE\n          value: /run/secrets/ctwa/cluster-secret\n", ""),
        new("a variable is misspelt so that nothing reads it", "silo options", Cpu, Deployment, "ctwa-silo", "- name: CTWA_SILO_LANES", "- name: CTWA_LANES"),
        new("the silo does not know that it is in a pod", "silo options", Cpu, Deployment, "ctwa-silo", "        - name: CTWA_SILO_KUBERNETES\n          value: \"true\"\n", ""),
        new("a certificate has no key", "silo options", Full, Deployment, "ctwa-silo", "        - name: CTWA_SILO_TLS_KEY\n          value: /run/secrets/ctwa-tls/tls.key\n", ""),
        new("lanes come from a container that does not exist", "silo options", Cpu, Deployment, "ctwa-silo", "containerName: silo", "containerName: silos"),
        new("a control silo has an unknown role", "silo options", Gpu, Deployment, "ctwa-control-silo", "value: control", "value: controller"),

        // Client.
        new("a client's variable is misspelt", "client variables", Cpu, Deployment, "ctwa-client", "- name: CTWA_CLUSTER_ID", "- name: CTWA_CLUSTER"),
        new("a client looks for another grid", "client variables", Cpu, Deployment, "ctwa-client", "name: CTWA_CLUSTER_ID\n          value: ctwa", "name: CTWA_CLUSTER_ID\n          value: prod"),
        new("a client asks another Redis", "client variables", Full, Deployment, "ctwa-client", "rediss://redis.example.com:6380", "redis.example.com:6380"),
        new("a submission has no token", "client variables", Quickstart, "Job", "quickstart", "- name: CTWA_TOKEN", "- name: TOKEN"),

        // Orleans.
        new("a pod's label for Orleans is another", "orleans", Cpu, Deployment, "ctwa-silo", "orleans/serviceId: ctwa", "orleans/serviceId: grid"),
        new("a pod has no label for Orleans", "orleans", Cpu, Deployment, "ctwa-silo", "        orleans/clusterId: ctwa\n", ""),
        new("the pod's name comes from its node", "orleans", Cpu, Deployment, "ctwa-silo", "fieldPath: metadata.name\n", "fieldPath: spec.nodeName\n"),
        new("a variable of Orleans is missing", "orleans", Cpu, Deployment, "ctwa-silo", "- name: POD_IP\n", "- name: OTEL_POD_IP\n"),
        new("Orleans' names come from elsewhere", "orleans", Cpu, Deployment, "ctwa-silo", "fieldPath: metadata.labels['orleans/serviceId']", "fieldPath: metadata.labels['app.kubernetes.io/name']"),

        // Access to the API.
        new("a verb is missing", "api access", Cpu, "Role", "ctwa-silo", "\n  - watch", ""),
        new("silos may delete pods", "api access", Cpu, "Role", "ctwa-silo", "\n  - watch", "\n  - watch\n  - delete"),
        new("silos may read secrets", "api access", Cpu, "Role", "ctwa-silo", "  - pods\n", "  - pods\n  - secrets\n"),
        new("the role is bound to nobody", "api access", Cpu, "RoleBinding", "ctwa-silo", "kind: ServiceAccount\n  name: ctwa-silo", "kind: ServiceAccount\n  name: default"),
        new("the role is bound in another namespace", "api access", Cpu, "RoleBinding", "ctwa-silo", "  name: ctwa-silo\n  namespace: ctwa\n", "  name: ctwa-silo\n  namespace: default\n"),
        new("silos have no token", "api access", Cpu, Deployment, "ctwa-silo", "automountServiceAccountToken: true", "automountServiceAccountToken: false"),
        new("Redis has a token", "api access", Cpu, "StatefulSet", "ctwa-redis", "automountServiceAccountToken: false", "automountServiceAccountToken: true"),
        new("an account does not exist", "api access", Cpu, Deployment, "ctwa-client", "serviceAccountName: ctwa-plain", "serviceAccountName: plain"),
        new("an account gives its token to every pod", "api access", Cpu, "ServiceAccount", "ctwa-plain", "automountServiceAccountToken: false\n", ""),

        // Shutdown, disruption, rollout.
        new("a pod is killed while its silo drains", "shutdown", Cpu, Deployment, "ctwa-silo", "terminationGracePeriodSeconds: 660", "terminationGracePeriodSeconds: 600"),
        new("the drain is longer than the pod has", "shutdown", Cpu, Deployment, "ctwa-silo", "value: \"600\"", "value: \"3600\""),
        new("nothing waits before SIGTERM", "shutdown", Cpu, Deployment, "ctwa-silo", "lifecycle:\n          preStop:\n            sleep:\n              seconds: 5\n", "stdin: false\n"),
        new("development kills draining silos", "shutdown", Dev, Deployment, "ctwa-silo", "terminationGracePeriodSeconds: 100", "terminationGracePeriodSeconds: 30"),
        new("two silos at a time may be evicted", "disruption", Cpu, "PodDisruptionBudget", "ctwa-silo", "maxUnavailable: 1", "maxUnavailable: 2"),
        new("no budget protects the control silos", "disruption", Gpu, "PodDisruptionBudget", "ctwa-control-silo", "component: control", "component: silo"),
        new("all silos are replaced at once", "rollout", Cpu, Deployment, "ctwa-silo", "maxSurge: 1", "maxSurge: 100%"),
        new("a rollout waits for a GPU that is not there", "rollout", Gpu, Deployment, "ctwa-silo", "maxSurge: 0\n      maxUnavailable: 1", "maxSurge: 1\n      maxUnavailable: 0"),
        new("the next silo goes at once", "rollout", Cpu, Deployment, "ctwa-silo", "minReadySeconds: 10", "minReadySeconds: 0"),
        new("a draining silo looks stuck", "rollout", Cpu, Deployment, "ctwa-silo", "progressDeadlineSeconds: 1800", "progressDeadlineSeconds: 600"),

        // Network.
        new("nothing is closed", "network", Cpu, Policy, "ctwa-default", "  - Ingress\n", ""),
        new("tensors cannot leave a silo", "network", Cpu, Policy, "ctwa-silo", "    - port: channel\n      protocol: TCP\n", ""),
        new("tensors cannot reach a silo", "network", Cpu, Policy, "ctwa-silo", "    - port: silo\n      protocol: TCP\n    - port: channel\n      protocol: TCP\n  - from", "    - port: silo\n      protocol: TCP\n  - from"),
        new("clients cannot reach a gateway", "network", Cpu, Policy, "ctwa-silo", "- port: gateway", "- port: 30001"),
        new("a policy opens a port that the silo does not have", "network", Cpu, Policy, "ctwa-silo", "    ports:\n    - port: silo\n", "    ports:\n    - port: 22\n    - port: silo\n"),
        new("a policy lets silos call a port that there is not", "network", Cpu, Policy, "ctwa-silo", "- port: channel", "- port: 12001"),
        new("a policy opens every port", "network", Cpu, Policy, "ctwa-redis", "    ports:\n    - port: redis\n      protocol: TCP\n", ""),
        new("silos' ports are open to all pods", "network", Cpu, Policy, "ctwa-silo", "- podSelector:\n        matchLabels:\n          ctwa/grid: ctwa", "- podSelector: {}"),
        new("silos' ports are open to all namespaces", "network", Cpu, Policy, "ctwa-silo", "- namespaceSelector:\n        matchLabels:\n          kubernetes.io/metadata.name: monitoring", "- namespaceSelector: {}"),
        new("clients reach the ports of silos", "network", Cpu, Policy, "ctwa-silo", "- podSelector:\n        matchLabels:\n          ctwa/grid: ctwa", "- podSelector:\n        matchLabels:\n          ctwa/client: \"true\""),
        new("silos cannot reach Redis", "network", Cpu, Policy, "ctwa-redis", "          ctwa/grid: ctwa", "          ctwa/client: \"true\""),
        new("clients cannot reach Redis", "network", Cpu, Policy, "ctwa-client", "- port: redis", "- port: 6380"),
        new("silos cannot reach the API", "network", Cpu, Policy, "ctwa-silo", "- port: 443", "- port: 8443"),
        new("nobody can look up names", "network", Cpu, Policy, "ctwa-dns", "port: 53", "port: 5353"),
        new("an external Redis cannot be reached", "network", Full, Policy, "ctwa-external-redis", "    - ipBlock:\n        cidr: 10.0.0.0/8", "    - podSelector:\n        matchLabels:\n          ctwa/grid: ctwa"),

        // Pod security.
        new("a silo runs as root", "pod security", Cpu, Deployment, "ctwa-silo", "runAsUser: 1654", "runAsUser: 0"),
        new("a silo may write to its image", "pod security", Cpu, Deployment, "ctwa-silo", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        new("a silo keeps capabilities", "pod security", Cpu, Deployment, "ctwa-silo", "            drop:\n            - ALL", "            drop:\n            - NET_RAW"),
        new("system calls are not filtered", "pod security", Cpu, "StatefulSet", "ctwa-redis", "type: RuntimeDefault", "type: Unconfined"),
        new("a client may gain privileges", "pod security", Cpu, Deployment, "ctwa-client", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
        new("a silo shares its node's network", "pod security", Cpu, Deployment, "ctwa-silo", "enableServiceLinks: false", "enableServiceLinks: false\n      hostNetwork: true"),
        new("a Secret is mounted to be written", "pod security", Cpu, Deployment, "ctwa-silo", "mountPath: /run/secrets/ctwa\n          name: secrets\n          readOnly: true", "mountPath: /run/secrets/ctwa\n          name: secrets"),
        new("there is no folder for temporary files", "pod security", Cpu, Deployment, "ctwa-silo", "- mountPath: /tmp\n", "- mountPath: /temp\n"),

        // Storage and Redis.
        new("one node only can mount the runs", "storage", Cpu, "PersistentVolumeClaim", "ctwa-storage", "ReadWriteMany", "ReadWriteOnce"),
        new("jobs are kept in the pod", "storage", Cpu, Deployment, "ctwa-silo", "value: /ctwa\n", "value: /data\n"),
        new("silos share the folder of their own records", "storage", Cpu, Deployment, "ctwa-silo", "value: /data\n", "value: /ctwa\n"),
        new("Redis forgets", "redis", Cpu, "ConfigMap", "ctwa-redis", "appendonly yes", "appendonly no"),
        new("Redis throws jobs away", "redis", Cpu, "ConfigMap", "ctwa-redis", "maxmemory-policy noeviction", "maxmemory-policy allkeys-lru"),
        new("Redis' volume is its pod's", "redis", Cpu, "StatefulSet", "ctwa-redis", "    name: data\n", "    name: other\n"),
        new("Redis asks for no password", "redis", Cpu, "StatefulSet", "ctwa-redis", "        - --requirepass\n        - $(REDISCLI_AUTH)\n", ""),
        new("Redis' password is a name", "redis", Cpu, "StatefulSet", "ctwa-redis", "$(REDISCLI_AUTH)", "$(REDIS_PASSWORD)"),

        // Placement.
        new("nothing bounds a silo's memory", "resources", Cpu, Deployment, "ctwa-silo", "limits:\n            cpu: \"4\"\n            memory: 16Gi", "limits:\n            cpu: \"4\""),
        new("a silo asks for less memory than it takes", "resources", Cpu, Deployment, "ctwa-silo", "requests:\n            cpu: \"4\"\n            memory: 16Gi", "requests:\n            cpu: \"4\"\n            memory: 1Gi"),
        new("a silo believes in memory that it does not have", "resources", Cpu, Deployment, "ctwa-silo", "value: $(MEMORY_MIB)MB", "value: $(MEMORY_MIB)GB"),
        new("a silo does not say what it needs", "resources", Cpu, "StatefulSet", "ctwa-redis", "cpu: 100m\n            ", ""),
        new("a silo takes two GPUs", "gpu", Gpu, Deployment, "ctwa-silo", "nvidia.com/gpu: \"1\"", "nvidia.com/gpu: \"2\""),
        new("a silo with a GPU computes on the CPU", "gpu", Gpu, Deployment, "ctwa-silo", "value: cuda:0", "value: cpu"),
        new("a silo without a GPU wants one", "gpu", Gpu, Deployment, "ctwa-control-silo", "value: cpu", "value: cuda:0"),
        new("a taint is not tolerated", "gpu", Gpu, Deployment, "ctwa-silo", "- effect: NoSchedule\n        key: nvidia.com/gpu", "- effect: NoSchedule\n        key: gpu"),
        new("a silo goes to nodes without GPUs", "gpu", Gpu, Deployment, "ctwa-silo", "key: nvidia.com/gpu.present", "key: kubernetes.io/os"),
        new("all silos may be on one machine", "spread", Cpu, Deployment, "ctwa-silo", "topologyKey: kubernetes.io/hostname", "topologyKey: topology.kubernetes.io/zone"),
        new("a silo waits for a machine of its own", "spread", Cpu, Deployment, "ctwa-silo", "whenUnsatisfiable: ScheduleAnyway", "whenUnsatisfiable: DoNotSchedule"),
        new("the manifests set the number of silos back", "scaling", Full, Deployment, "ctwa-silo", "  progressDeadlineSeconds: 1800", "  progressDeadlineSeconds: 1800\n  replicas: 4"),
        new("the autoscaler scales something else", "scaling", Full, "ScaledObject", "ctwa-silo", "scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: ctwa-silo", "scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: silo"),
        new("the autoscaler has nothing to choose", "scaling", Full, "ScaledObject", "ctwa-silo", "maxReplicaCount: 8", "maxReplicaCount: 1"),
        new("the autoscaler asks for something else", "scaling", Full, "ScaledObject", "ctwa-silo", "ctwa_grid_jobs", "ctwa_jobs"),
        new("half of the silos are taken away at once", "scaling", Full, "ScaledObject", "ctwa-silo", "type: Pods\n            value: 1", "type: Percent\n            value: 50"),
        new("there are two Redis", "scaling", Cpu, "StatefulSet", "ctwa-redis", "replicas: 1", "replicas: 2"),
        new("an image has no version", "images", Cpu, Deployment, "ctwa-silo", ":0.1.0-cpu", ""),
        new("an image is the latest", "images", Cpu, "StatefulSet", "ctwa-redis", ":7.2-bookworm", ":latest"),
        new("an image was not named", "images", Cpu, Deployment, "ctwa-silo", "registry.example.com/ctwa:0.1.0-cpu", "ctwa:0.1.0-cpu"),
    ];
}
