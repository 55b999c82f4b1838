{{/* Names, labels, images and security contexts. Most take a dict: `root` is the chart's context, `part` the part's name. */}}

{{/* The beginning of every object's name: `docuchat` for a release of that name. */}}
{{- define "docuchat.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of a part's object. The web process is `portal`: the runbooks know it by that name. */}}
{{- define "docuchat.name" -}}
{{- printf "%s-%s" (include "docuchat.fullname" .root) .part -}}
{{- end -}}

{{/* The host name of a part's Service, from any namespace: runs have one of their own. */}}
{{- define "docuchat.host" -}}
{{- printf "%s.%s.svc" (include "docuchat.name" .) .root.Release.Namespace -}}
{{- end -}}

{{/* Labels that never change: a Deployment's selector is immutable. */}}
{{- define "docuchat.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "docuchat.labels" -}}
{{ include "docuchat.selectorLabels" . }}
app.kubernetes.io/part-of: docuchat
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Name, namespace and labels of a part's object. `name` stands before the part's own. */}}
{{- define "docuchat.metadata" -}}
name: {{ .name | default (include "docuchat.name" .) }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "docuchat.labels" . | nindent 2 }}
{{- end -}}

{{/* An image of ours (`image` is `web.image` or `jobs.image`): registry, repository, and the digest or the common tag. */}}
{{- define "docuchat.image" -}}
{{- $common := .root.Values.image -}}
{{- $repository := ternary (printf "%s/%s" $common.registry .image.repository) .image.repository (ne $common.registry "") -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.image.tag | default $common.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* An image of somebody else: repository, and the digest or its own tag. */}}
{{- define "docuchat.foreignImage" -}}
{{- if .digest -}}{{- printf "%s@%s" .repository .digest -}}{{- else -}}{{- printf "%s:%s" .repository .tag -}}{{- end -}}
{{- end -}}

{{/* What a pod of the profile `restricted` must say. `user` is the image's user; OpenShift chooses its own. */}}
{{- define "docuchat.podSecurityContext" -}}
{{- $user := .user | default 10001 | int64 -}}
runAsNonRoot: true
{{- if not .root.Values.openshift }}
runAsUser: {{ $user }}
runAsGroup: {{ $user }}
fsGroup: {{ $user }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "docuchat.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Spread a part's pods over nodes and zones, where there are several. */}}
{{- define "docuchat.topologySpread" -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "docuchat.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end -}}

{{/* Where a part's pods may run, from its values. */}}
{{- define "docuchat.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "docuchat.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The account of a part's pods, of the same name as its workload; without runbooks nobody asks Kubernetes anything. */}}
{{- define "docuchat.serviceAccount" -}}
{{- if .root.Values.runbooks.enabled -}}
serviceAccountName: {{ include "docuchat.name" . }}
automountServiceAccountToken: true
{{- else -}}
automountServiceAccountToken: false
{{- end -}}
{{- end -}}

{{/* The namespace of the runs. */}}
{{- define "docuchat.runbookNamespace" -}}
{{- .Values.runbooks.namespace | default (printf "%s-runbooks" .Release.Namespace) -}}
{{- end -}}

{{/* A value as a setting's text: large numbers of values.yaml arrive as floats and must not be written as 5e+10. */}}
{{- define "docuchat.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{- int64 . -}}{{- else -}}{{- . -}}{{- end -}}
{{- end -}}

{{/*
Annotations of an Ingress that browsers use. Those of nginx keep a websocket open for an hour without a word, pass each line of a
stream on at once, and send http to https; other controllers do so by themselves and do not read them. The portal
itself sets the headers of security, so that they are the same behind any proxy.
*/}}
{{- define "docuchat.ingressAnnotations" -}}
{{- $made := dict
  "nginx.ingress.kubernetes.io/proxy-read-timeout" "3600"
  "nginx.ingress.kubernetes.io/proxy-send-timeout" "3600"
  "nginx.ingress.kubernetes.io/proxy-buffering" "off"
  "nginx.ingress.kubernetes.io/proxy-request-buffering" "off"
  "nginx.ingress.kubernetes.io/proxy-http-version" "1.1"
  "nginx.ingress.kubernetes.io/proxy-body-size" "2m"
  "nginx.ingress.kubernetes.io/ssl-redirect" (.Values.ingress.tls.enabled | toString)
-}}
{{- toYaml (merge (dict) .Values.ingress.annotations $made) -}}
{{- end -}}
