{{/*
Secrets. A value is, in this order: what the operator gives and has not given before; what the cluster has (so that a
generated one is kept, and a rotation is not undone by the next upgrade); what the operator gives; or a fresh random text.
*/}}

{{/* The name of the Secret of a credential: an existing one, or the chart's. */}}
{{- define "docuchat.secretName" -}}
{{- $existing := get .root.Values.secrets.existing (.existing | default .part) -}}
{{- $existing | default (include "docuchat.name" .) -}}
{{- end -}}

{{/*
The value of a key of the chart's Secret of a `part`. `given` is the operator's; where there is none, `length` makes one
of so many letters and digits, and `fallback` stands for itself. It is found once in a render, so that an address and a
password in different Secrets agree.
*/}}
{{- define "docuchat.secretValue" -}}
{{- $cache := get .root.Values "_made" | default dict -}}
{{- $_ := set .root.Values "_made" $cache -}}
{{- $id := printf "%s/%s" .part .key -}}
{{- if not (hasKey $cache $id) -}}
{{- $live := lookup "v1" "Secret" .root.Release.Namespace (include "docuchat.name" .) | default dict -}}
{{- $kept := get (get $live "data" | default dict) .key | default "" | b64dec -}}
{{- $made := .fallback | default "" -}}
{{- if .length }}{{ $made = randAlphaNum (int .length) }}{{ end -}}
{{- $value := $kept | default .given | default $made -}}
{{- if and .given (ne (include "docuchat.givenBefore" .) (sha256sum .given)) }}{{ $value = .given }}{{ end -}}
{{- $_ := set $cache $id $value -}}
{{- end -}}
{{- get $cache $id -}}
{{- end -}}

{{- define "docuchat.givenAnnotation" -}}
docuchat.example/given-{{ .key }}
{{- end -}}

{{/* The hash of what the operator gave last, as the cluster's Secret notes it. */}}
{{- define "docuchat.givenBefore" -}}
{{- $live := lookup "v1" "Secret" .root.Release.Namespace (include "docuchat.name" .) | default dict -}}
{{- $annotations := get (get $live "metadata" | default dict) "annotations" | default dict -}}
{{- get $annotations (include "docuchat.givenAnnotation" .) -}}
{{- end -}}

{{/*
A Secret of the chart. `keys` are dicts as above; `derived` are further keys with their values. The operator's values are
noted by their hashes, to tell a new one from one that a rotation has replaced. Kept when the release is removed: the
volume of the database is, too, and knows the password.
*/}}
{{- define "docuchat.secret" -}}
{{- $place := dict "root" .root "part" .part -}}
apiVersion: v1
kind: Secret
metadata:
  {{- include "docuchat.metadata" . | nindent 2 }}
  annotations:
    helm.sh/resource-policy: keep
    {{- range $key := .keys }}
    {{- $hash := include "docuchat.givenBefore" (merge (dict) $place $key) }}
    {{- if .given }}{{ $hash = sha256sum .given }}{{ end }}
    {{- if $hash }}
    {{ include "docuchat.givenAnnotation" $key }}: {{ $hash }}
    {{- end }}
    {{- end }}
type: Opaque
data:
  {{- range .keys }}
  {{ .key }}: {{ include "docuchat.secretValue" (merge (dict) $place .) | b64enc | quote }}
  {{- end }}
  {{- range $key, $value := .derived }}
  {{ $key }}: {{ $value | b64enc | quote }}
  {{- end }}
{{- end -}}

{{/* A variable from a key of a Secret. */}}
{{- define "docuchat.secretEnv" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end -}}

{{/*
Changes when the operator gives other secrets, so that pods are replaced. Whoever reads pods must not be able to guess a
weak password by it, so it is the result of a slow derivation (scrypt).
*/}}
{{- define "docuchat.secretsChecksum" -}}
{{- $cache := get .Values "_made" | default dict -}}
{{- $_ := set .Values "_made" $cache -}}
{{- if not (hasKey $cache "checksum") -}}
{{- $_ := set $cache "checksum" (derivePassword 1 "long" (.Values.secrets | toJson) .Release.Name .Release.Namespace | sha256sum | trunc 16) -}}
{{- end -}}
{{- get $cache "checksum" -}}
{{- end -}}
