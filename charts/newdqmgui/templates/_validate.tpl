{{/*
Combinations of values that cannot work, whatever each value is on its own. The Deployment calls this, so every render of
the chart runs it. Each rule prints one line that names both keys; all lines are shown at once.
*/}}
{{- define "newdqmgui.validate" -}}
{{- $rules := list "image" "rollout" "probes" "resources" "ports" "secrets" "account" "eos" "claims" "logsPath" "workPath" "network" "ingress" "tolerations" "affinity" "reserved" -}}
{{- $lines := list -}}
{{- range $rule := $rules -}}
{{- range splitList "\n" (include (printf "newdqmgui.rules.%s" $rule) $) -}}
{{- with trim . }}{{ $lines = append $lines (printf "  %s" .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $lines -}}
{{- fail (printf "\nthese values cannot work together:\n%s" (join "\n" $lines)) -}}
{{- end -}}
{{- end }}

{{- define "newdqmgui.rules.image" -}}
{{- $image := .Values.image -}}
{{- if not (or $image.tag $image.digest) }}
image.tag and image.digest are both empty: say which image to run, for example --set image.tag=HG0105a
{{- end }}
{{- if and $image.digest (not $image.repository) }}
image.digest is set but image.repository is empty: a digest names an image only within a repository
{{- else if and $image.tag (not $image.repository) }}
image.tag is set but image.repository is empty: a tag names an image only within a repository
{{- end }}
{{- end }}

{{/* RollingUpdate starts the new pod before the old one has ended. Without claims each pod has files of its own, and it is allowed. */}}
{{- define "newdqmgui.rules.rollout" -}}
{{- if eq .Values.strategy "RollingUpdate" }}
{{- if .Values.workDir.claimName }}
strategy RollingUpdate with workDir.claimName {{ .Values.workDir.claimName }}: two pods would write one index; use strategy Recreate
{{- end }}
{{- if .Values.logs.claimName }}
strategy RollingUpdate with logs.claimName {{ .Values.logs.claimName }}: two pods would write the same log files; use strategy Recreate
{{- end }}
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.probes" -}}
{{- $startup := .Values.probes.startup -}}
{{- $seconds := mul $startup.periodSeconds $startup.failureThreshold -}}
{{- if gt $seconds (int64 .Values.progressDeadlineSeconds) }}
probes.startup allows {{ $seconds }} s (periodSeconds × failureThreshold) but progressDeadlineSeconds is {{ .Values.progressDeadlineSeconds }}: a slow start would count as a failed release
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.resources" -}}
{{- $requests := .Values.resources.requests | default dict -}}
{{- $limits := .Values.resources.limits | default dict -}}
{{- range $name, $request := $requests }}
{{- if hasKey $limits $name }}
{{- $limit := get $limits $name }}
{{- if gt (include "newdqmgui.quantity" $request | float64) (include "newdqmgui.quantity" $limit | float64) }}
resources.requests.{{ $name }} {{ $request }} is more than resources.limits.{{ $name }} {{ $limit }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A Kubernetes quantity as a plain number, for comparing: 200m is 0.2, 1Ki is 1024. */}}
{{- define "newdqmgui.quantity" -}}
{{- $units := dict "n" 1e-9 "u" 1e-6 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]+$" $text -}}
{{- printf "%.9f" (mulf (trimSuffix $unit $text | float64) (get $units $unit | default 1.0)) -}}
{{- end }}

{{- define "newdqmgui.rules.ports" -}}
{{- $metrics := .Values.metrics.port | int -}}
{{- if eq $metrics (.Values.service.port | int) }}
metrics.port and service.port are both {{ $metrics }}: one Service cannot offer a port twice
{{- end }}
{{- if and (eq $metrics (include "newdqmgui.serverPort" . | int)) (ne $metrics (.Values.service.port | int)) }}
metrics.port is {{ $metrics }}, where the server behind service.port listens in the container
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.secrets" -}}
{{- $secrets := .Values.secrets -}}
{{- $vault := eq $secrets.mode "vault" -}}
{{- if and $secrets.data (ne $secrets.mode "inline") }}
secrets.data is given but secrets.mode is {{ $secrets.mode }}: only mode inline makes a Secret from it
{{- end }}
{{- if and (not $secrets.data) (eq $secrets.mode "inline") }}
secrets.mode is inline but secrets.data is empty: there is nothing to make the Secret from
{{- end }}
{{- if and (not $vault) (not $secrets.name) }}
secrets.mode is {{ $secrets.mode }} but secrets.name is empty: there is no Secret to mount
{{- end }}
{{- if and $secrets.vault.files (not $vault) }}
secrets.vault.files is given but secrets.mode is {{ $secrets.mode }}: only mode vault injects files
{{- end }}
{{- if $vault }}
{{- range $key := list "role" "path" "files" }}
{{- if not (index $secrets.vault $key) }}
secrets.mode is vault but secrets.vault.{{ $key }} is empty: nothing would be injected
{{- end }}
{{- end }}
{{- if not $.Values.serviceAccount.name }}
secrets.mode is vault but serviceAccount.name is empty: Vault's role is bound to an account of its own, such as newdqmgui-sa
{{- end }}
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.account" -}}
{{- $account := .Values.serviceAccount -}}
{{- if and $account.create (not $account.name) }}
serviceAccount.create is true but serviceAccount.name is empty
{{- end }}
{{- if and $account.annotations (not $account.create) }}
serviceAccount.annotations are given but serviceAccount.create is false: the account of another owner is not changed
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.eos" -}}
{{- if .Values.eos.enabled }}
{{- range $key := list "hostPath" "krbSecret" }}
{{- if not (index $.Values.eos $key) }}
eos.enabled is true but eos.{{ $key }} is empty
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.claims" -}}
{{- $owner := dict -}}
{{- range $key := list "logs" "workDir" "cvmfs" }}
{{- $part := index $.Values $key }}
{{- if and $part.createClaim (not $part.claimName) }}
{{ $key }}.createClaim is true but {{ $key }}.claimName is empty
{{- end }}
{{- with $part.claimName }}
{{- if hasKey $owner . }}
{{ get $owner . }}.claimName and {{ $key }}.claimName are both {{ . }}: each needs a volume of its own
{{- end }}
{{- $_ := set $owner . $key }}
{{- end }}
{{- end }}
{{- if and .Values.cvmfs.createStorageClass (not .Values.cvmfs.storageClass) }}
cvmfs.createStorageClass is true but cvmfs.storageClass is empty
{{- end }}
{{- end }}

{{/* true when the folder `outer` is the folder `inner`, or holds it. */}}
{{- define "newdqmgui.covers" -}}
{{- $outer := clean .outer | trimSuffix "/" -}}
{{- if hasPrefix (printf "%s/" $outer) (printf "%s/" (clean .inner)) }}true{{ end -}}
{{- end }}

{{/* Prints a problem for every folder of the container that a mount at `path` (value `key`) would hide, or lie in. */}}
{{- define "newdqmgui.hidden" -}}
{{- range $taken := list "/dev/fuse" "/etc/proxy" "/etc/secrets" "/etc/robots" "/etc/hmac" "/etc/token" "/host/etc/grid-security" "/etc/grid-security" "/opt/setup-certs-and-run" "/eos" "/tmp/krb" "/cvmfs/cms.cern.ch" }}
{{- if include "newdqmgui.covers" (dict "outer" $.path "inner" $taken) }}
{{ $.key }} {{ $.path }} with {{ $.claim }} set: the volume would hide {{ $taken }}
{{- else if include "newdqmgui.covers" (dict "outer" $taken "inner" $.path) }}
{{ $.key }} {{ $.path }} with {{ $.claim }} set: the volume cannot be mounted inside {{ $taken }}, which is read-only or another owner's
{{- end }}
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.logsPath" -}}
{{- if .Values.logs.claimName }}
{{- $path := .Values.logs.mountPath -}}
{{- $work := .Values.workDir.path -}}
{{- $app := include "newdqmgui.applicationDir" . -}}
{{- if include "newdqmgui.covers" (dict "outer" $path "inner" $app) }}
logs.mountPath {{ $path }} with logs.claimName set: the volume would hide the application in {{ $app }}
{{- else if include "newdqmgui.covers" (dict "outer" $path "inner" $work) }}
logs.mountPath {{ $path }} is or holds workDir.path {{ $work }}: the volume of the logs would hide the index
{{- else if and (include "newdqmgui.covers" (dict "outer" $app "inner" $path)) (not (include "newdqmgui.covers" (dict "outer" $work "inner" $path))) }}
logs.mountPath {{ $path }} is in the application but not below workDir.path {{ $work }}: the volume would hide code
{{- end }}
{{- include "newdqmgui.hidden" (dict "key" "logs.mountPath" "path" $path "claim" "logs.claimName") }}
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.workPath" -}}
{{- if .Values.workDir.claimName }}
{{- $path := .Values.workDir.path -}}
{{- $app := include "newdqmgui.applicationDir" . -}}
{{- if include "newdqmgui.covers" (dict "outer" $path "inner" $app) }}
workDir.path {{ $path }} with workDir.claimName set: the volume would hide the application in {{ $app }}
{{- end }}
{{- include "newdqmgui.hidden" (dict "key" "workDir.path" "path" $path "claim" "workDir.claimName") }}
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.network" -}}
{{- $policy := .Values.networkPolicy -}}
{{- if and $policy.enabled (not $policy.from) }}
networkPolicy.enabled is true but networkPolicy.from is empty: Kubernetes reads an empty list of sources as everyone
{{- end }}
{{- if and $policy.metricsFrom (not $policy.enabled) }}
networkPolicy.metricsFrom is given but networkPolicy.enabled is false: without a policy everyone reaches the metrics
{{- end }}
{{- end }}

{{- define "newdqmgui.rules.ingress" -}}
{{- if .Values.ingress.enabled }}
{{- if not .Values.ingress.host }}
ingress.enabled is true but ingress.host is empty: the path would be taken over on every host of the cluster
{{- end }}
{{- if not .Values.ingress.allowedSources }}
ingress.enabled is true but ingress.allowedSources is empty: that admits everyone; write 0.0.0.0/0 if it is meant
{{- end }}
{{- end }}
{{- end }}

{{/* What the API server asks of each toleration. */}}
{{- define "newdqmgui.rules.tolerations" -}}
{{- range $index, $toleration := .Values.tolerations }}
{{- $at := printf "tolerations[%d]" $index }}
{{- $exists := eq (get $toleration "operator") "Exists" }}
{{- if not (or $toleration.key $exists) }}
{{ $at }}.key is empty and {{ $at }}.operator is not Exists: without a key it accepts every taint
{{- end }}
{{- if and $exists $toleration.value }}
{{ $at }}.value is given but {{ $at }}.operator is Exists, which compares no value
{{- end }}
{{- if and (hasKey $toleration "tolerationSeconds") (ne (get $toleration "effect") "NoExecute") }}
{{ $at }}.tolerationSeconds is given but {{ $at }}.effect is not NoExecute: only that effect ends a pod
{{- end }}
{{- end }}
{{- end }}

{{/* How many values the operator of an expression takes. */}}
{{- define "newdqmgui.rules.affinity" -}}
{{- include "newdqmgui.expressions" (dict "at" "affinity" "value" .Values.affinity) }}
{{- end }}

{{/* Prints a problem for every wrong item of a list matchExpressions at or below `value`, whose path is `at`. */}}
{{- define "newdqmgui.expressions" -}}
{{- if kindIs "slice" .value }}
{{- range $index, $inner := .value }}
{{- include "newdqmgui.expressions" (dict "at" (printf "%s[%d]" $.at $index) "value" $inner) }}
{{- end }}
{{- else if kindIs "map" .value }}
{{- range $key, $inner := .value }}
{{- $at := printf "%s.%s" $.at $key }}
{{- if and (eq $key "matchExpressions") (kindIs "slice" $inner) }}
{{- range $index, $expression := $inner }}
{{- include "newdqmgui.expression" (dict "at" (printf "%s[%d]" $at $index) "value" $expression) }}
{{- end }}
{{- else if ne $key "matchLabels" }}
{{- include "newdqmgui.expressions" (dict "at" $at "value" $inner) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "newdqmgui.expression" -}}
{{- $operator := .value.operator -}}
{{- $count := len (get .value "values" | default list) -}}
{{- if and (has $operator (list "Exists" "DoesNotExist")) $count }}
{{ .at }}.values are given but {{ .at }}.operator is {{ $operator }}, which compares no values
{{- else if and (has $operator (list "In" "NotIn")) (not $count) }}
{{ .at }}.operator is {{ $operator }} but {{ .at }}.values are empty: it compares with at least one value
{{- else if and (has $operator (list "Gt" "Lt")) (ne $count 1) }}
{{ .at }}.operator is {{ $operator }} but {{ .at }}.values are not exactly one
{{- end }}
{{- end }}

{{/* Keys that the chart sets itself: twice in one object they would be an error, or silently the wrong one. */}}
{{- define "newdqmgui.rules.reserved" -}}
{{- range $key := list "app" "env" }}
{{- if hasKey $.Values.podLabels $key }}
podLabels.{{ $key }} is set by the chart itself: from {{ eq $key "env" | ternary "environment" "its selector" }}
{{- end }}
{{- end }}
{{- $pod := include "newdqmgui.podAnnotations" . | fromYaml -}}
{{- range $key, $_ := .Values.podAnnotations }}
{{- if hasKey $pod $key }}
podAnnotations["{{ $key }}"] is set by the chart itself, from metrics, secrets or the start script
{{- end }}
{{- end }}
{{- $ingress := include "newdqmgui.ingressAnnotations" . | fromYaml -}}
{{- range $key, $_ := .Values.ingress.annotations }}
{{- if hasKey $ingress $key }}
ingress.annotations["{{ $key }}"] is set by the chart itself, from ingress.path and ingress.allowedSources
{{- end }}
{{- end }}
{{- end }}
