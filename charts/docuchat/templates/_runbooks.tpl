{{/* What lies in the namespace of the runs: names, rules, and the settings of a run. */}}

{{/* Name, namespace and labels of an object in the namespace of the runs. */}}
{{- define "docuchat.runnerMetadata" -}}
name: {{ .name | default (include "docuchat.name" .) }}
namespace: {{ include "docuchat.runbookNamespace" .root }}
labels:
  {{- include "docuchat.labels" (dict "root" .root "part" "runner") | nindent 2 }}
{{- end -}}

{{/*
The rules of an account in a place, from files/roles.yaml. The names of what a run may change are the list's, or those of
`runbooks.mayChange`; a rule whose kind has no name there is left out.
*/}}
{{- define "docuchat.rules" -}}
{{- $found := list -}}
{{- range get (get (.root.Files.Get "files/roles.yaml" | fromYaml) .part) .place -}}
{{- $rule := . -}}
{{- $keep := true -}}
{{- if $rule.resourceNames -}}
{{- $kind := first $rule.resources -}}
{{- if hasKey $.root.Values.runbooks.mayChange $kind -}}
{{- $given := get $.root.Values.runbooks.mayChange $kind -}}
{{- $rule = merge (dict "resourceNames" $given) $rule -}}
{{- $keep = gt (len $given) 0 -}}
{{- end -}}
{{- end -}}
{{- if $keep -}}{{- $found = append $found $rule -}}{{- end -}}
{{- end -}}
{{- with $found -}}{{- toYaml . -}}{{- end -}}
{{- end -}}

{{/* A Role and its binding: `part` has the account, `place` says which rules, `namespace` where they hold. */}}
{{- define "docuchat.role" -}}
{{- $account := include "docuchat.name" (dict "root" .root "part" .part) -}}
{{- $home := ternary (include "docuchat.runbookNamespace" .root) .root.Release.Namespace (eq .part "runner") -}}
{{- $is_cluster := eq .place "cluster" -}}
{{- $name := ternary (printf "%s-%s" .root.Release.Namespace $account) $account $is_cluster -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRole" "Role" $is_cluster }}
metadata:
  name: {{ $name }}
  {{- if not $is_cluster }}
  namespace: {{ .namespace }}
  {{- end }}
  labels:
    {{- include "docuchat.labels" . | nindent 4 }}
rules:
  {{- include "docuchat.rules" . | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRoleBinding" "RoleBinding" $is_cluster }}
metadata:
  name: {{ $name }}
  {{- if not $is_cluster }}
  namespace: {{ .namespace }}
  {{- end }}
  labels:
    {{- include "docuchat.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ ternary "ClusterRole" "Role" $is_cluster }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $home }}
{{- end -}}

{{/* The variables of a run that come from Secrets of its own namespace, each with the Secret's name and key. */}}
{{- define "docuchat.runnerSecrets" -}}
{{- $zibal := include "docuchat.secretName" (dict "root" . "part" "zibal") -}}
- {variable: DATABASE_URL, secret: {{ include "docuchat.databaseSecret" . }}, key: url}
- {variable: ZIBAL_MERCHANT, secret: {{ $zibal }}, key: merchant}
- {variable: ZIBAL_MERCHANT_PREVIOUS, secret: {{ $zibal }}, key: merchant-previous, optional: true}
- {variable: DEPLOYMENTS_TOKEN_HASH, secret: {{ include "docuchat.secretName" (dict "root" . "part" "deployments") }}, key: hash}
- {variable: ALERTS_TOKEN_HASH, secret: {{ include "docuchat.secretName" (dict "root" . "part" "alerts") }}, key: hash}
- {variable: METRICS_TOKEN, secret: {{ include "docuchat.name" (dict "root" . "part" "jobs-metrics") }}, key: token}
{{- with include "docuchat.prometheusVariables" . }}
{{ . }}
{{- end }}
{{- if .Values.backups.bucket.url }}
{{- $bucket := include "docuchat.secretName" (dict "root" . "part" "backup-bucket" "existing" "backupBucket") }}
- {variable: BACKUP_BUCKET_ACCESS_KEY, secret: {{ $bucket }}, key: access-key}
- {variable: BACKUP_BUCKET_SECRET_KEY, secret: {{ $bucket }}, key: secret-key}
{{- end }}
{{- if or .Values.secrets.openaiAdminKey .Values.secrets.existing.openaiAdmin }}
- {variable: OPENAI_ADMIN_KEY, secret: {{ include "docuchat.secretName" (dict "root" . "part" "openai-admin" "existing" "openaiAdmin") }}, key: value}
{{- end }}
{{- if or .Values.secrets.docuchatDatabaseAdminUrl .Values.secrets.existing.docuchatDatabaseAdmin }}
- {variable: DOCUCHAT_DATABASE_ADMIN_URL, secret: {{ include "docuchat.secretName" (dict "root" . "part" "docuchat-database-admin" "existing" "docuchatDatabaseAdmin") }}, key: url}
{{- end }}
{{- end -}}

{{/* The image and the command of a run: only these may be started where runs live. */}}
{{- define "docuchat.runnerImage" -}}
{{- include "docuchat.image" (dict "root" . "image" .Values.jobs.image) -}}
{{- end -}}

{{/* The pod of a run, of which the launcher only sets the arguments, and the time that it has to end. */}}
{{- define "docuchat.runnerPod" -}}
serviceAccountName: {{ include "docuchat.runnerAccount" . }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- include "docuchat.pullSecrets" . }}
restartPolicy: Never
securityContext:
  {{- include "docuchat.podSecurityContext" (dict "root" . "part" "runner") | nindent 2 }}
{{- include "docuchat.placement" .Values.jobs }}
containers:
  - name: runner
    image: {{ include "docuchat.runnerImage" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command: [python, -m, runbooks]
    envFrom:
      - configMapRef:
          name: {{ include "docuchat.name" (dict "root" . "part" "settings") }}
    env:
      {{- range include "docuchat.runnerSecrets" . | fromYamlArray }}
      {{- include "docuchat.secretEnv" (dict "name" .variable "secret" .secret "key" .key "optional" .optional) | nindent 6 }}
      {{- end }}
      {{- if .Values.backups.bucket.url }}
      - name: BACKUP_DIR
        value: /var/lib/docuchat/backups
      {{- end }}
    resources:
      {{- toYaml .Values.runbooks.resources | nindent 6 }}
    securityContext:
      {{- include "docuchat.containerSecurityContext" . | nindent 6 }}
    volumeMounts:
      {{- include "docuchat.writableMounts" . | nindent 6 }}
      {{- with include "docuchat.prometheusMount" . }}
      {{- . | trim | nindent 6 }}
      {{- end }}
      {{- if .Values.backups.bucket.url }}
      - {name: backups, mountPath: /var/lib/docuchat/backups}
      {{- end }}
volumes:
  {{- include "docuchat.writableVolumes" . | nindent 2 }}
  {{- with include "docuchat.prometheusVolume" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
  {{- if .Values.backups.bucket.url }}
  # A backup passes here on its way to the bucket and back.
  - name: backups
    emptyDir: {sizeLimit: {{ .Values.backups.storage.size }}}
  {{- end }}
{{- end -}}
