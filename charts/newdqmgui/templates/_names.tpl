{{/* Name of nearly every object: fixed, because the chart takes over objects that live under it. */}}
{{- define "newdqmgui.name" -}}
newdqmgui
{{- end }}

{{- define "newdqmgui.networkPolicy" -}}
newdqmgui-network-policy
{{- end }}

{{- define "newdqmgui.testName" -}}
newdqmgui-test
{{- end }}

{{/* The port on which run.sh starts the server: a fact of the image, not a choice. */}}
{{- define "newdqmgui.serverPort" -}}
8889
{{- end }}

{{/* The folder of the service inside the image. */}}
{{- define "newdqmgui.applicationDir" -}}
/home/cmsusr/dqmgui
{{- end }}

{{- define "newdqmgui.chart" -}}
{{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What the selector matches: immutable on the live Deployment, so nothing may ever be added. */}}
{{- define "newdqmgui.selectorLabels" -}}
app: newdqmgui
{{- end }}

{{/* Labels of objects, never of the pod template: there they would restart the service when the chart's version changes. */}}
{{- define "newdqmgui.standardLabels" -}}
app.kubernetes.io/name: newdqmgui
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ include "newdqmgui.chart" . }}
{{- end }}

{{- define "newdqmgui.labels" -}}
{{ include "newdqmgui.selectorLabels" . }}
{{ include "newdqmgui.standardLabels" . }}
{{- end }}

{{/* repository:tag@digest; with a digest the tag only tells people what runs. */}}
{{- define "newdqmgui.image" -}}
{{- .Values.image.repository }}
{{- with .Values.image.tag }}:{{ . }}{{ end }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* Settings of the pod about where it runs and how it pulls; the pod of `helm test` shares them. */}}
{{- define "newdqmgui.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A map of any texts. Not toYaml: it writes some line breaks of Unicode so that YAML cannot be read again. */}}
{{- define "newdqmgui.texts" -}}
{{- range $key, $text := . }}
{{ $key | quote }}: {{ $text | quote }}
{{- end }}
{{- end }}

{{/* The start script as the ConfigMap holds it, whatever a checkout makes of its line ends. */}}
{{- define "newdqmgui.startScript" -}}
{{ regexReplaceAll "\n*$" (.Files.Get "files/setup-certs-and-run.sh" | replace "\r\n" "\n") "\n" }}
{{- end }}

{{/* Annotations of the pod that the chart itself sets. */}}
{{- define "newdqmgui.podAnnotations" -}}
# A pod reads the start script once: without this a new script would wait for the next restart. Only the content
# counts, so that new labels on the ConfigMap do not restart anything.
checksum/config: {{ include "newdqmgui.startScript" . | sha256sum }}
{{- if eq .Values.secrets.mode "inline" }}
# The Secret keeps its name when its content changes, and the service reads its files only when it starts.
# Whoever may read pods sees it: scrypt, salted by namespace and release, makes each guess at the content slow and good for this one only.
checksum/secret: {{ derivePassword 1 "maximum" (.Values.secrets.data | toJson) .Release.Namespace .Release.Name | sha256sum }}
{{- end }}
{{- if .Values.metrics.scrape }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .Values.metrics.port | toJson | quote }}
{{- end }}
{{- if eq .Values.secrets.mode "vault" }}
{{ include "newdqmgui.vaultAnnotations" . }}
{{- end }}
{{- end }}

{{/* What the Vault agent injector reads: one file per entry, under the same folder as the mounted Secret. */}}
{{- define "newdqmgui.vaultAnnotations" -}}
{{- $vault := .Values.secrets.vault -}}
vault.hashicorp.com/agent-inject: "true"
vault.hashicorp.com/role: {{ $vault.role | quote }}
vault.hashicorp.com/secret-volume-path: /etc/secrets
{{- range $file := $vault.files }}
vault.hashicorp.com/agent-inject-secret-{{ $file }}: {{ $vault.path | quote }}
vault.hashicorp.com/agent-inject-template-{{ $file }}: {{ printf `{{- with secret %q -}}{{ index .Data.data %q }}{{- end -}}` $vault.path $file | quote }}
{{- if ne $file (lower $file) }}
# The injector writes every file name in lower case unless told otherwise.
vault.hashicorp.com/preserve-secret-case-{{ $file }}: "true"
{{- end }}
{{- end }}
{{- end }}

{{/* Annotations of the Ingress that the chart itself sets. */}}
{{- define "newdqmgui.ingressAnnotations" -}}
# What follows the public path is the service's own path.
nginx.ingress.kubernetes.io/rewrite-target: /$2
nginx.ingress.kubernetes.io/use-regex: "true"
nginx.ingress.kubernetes.io/whitelist-source-range: {{ join "," .Values.ingress.allowedSources | quote }}
{{- end }}

{{/* One allowed source of a NetworkPolicy: pods by label in a namespace by name. */}}
{{- define "newdqmgui.peer" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ .namespace | quote }}
  podSelector:
    matchLabels:
      {{- toYaml .podLabels | nindent 6 }}
{{- end }}
