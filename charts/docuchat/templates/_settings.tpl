{{/* The settings of the portal's processes: what is no secret as one map, what is one as variables from Secrets. */}}

{{/* Every setting that is no secret, as YAML from name to text; all processes get the same. */}}
{{- define "docuchat.settings" -}}
{{- $v := .Values -}}
{{- $made := dict
  "ENVIRONMENT" (ternary "production" "development" $v.production.enabled)
  "PUBLIC_URL" (include "docuchat.publicUrl" .)
  "PROXY_HOPS" (include "docuchat.proxyHops" .)
  "BACKUPS_ENABLED" (ternary "true" "false" $v.backups.enabled)
  "BACKUP_KEEP_DAYS" $v.backups.keepDays
  "BACKUP_BUCKET_URL" $v.backups.bucket.url
  "BACKUP_BUCKET_NAME" $v.backups.bucket.name
  "BACKUP_BUCKET_REGION" $v.backups.bucket.region
  "PROMETHEUS_URL" (include "docuchat.prometheusUrl" .)
  "PROMETHEUS_PUBLIC_URL" $v.prometheus.publicUrl
  "PROMETHEUS_USERNAME" $v.prometheus.username
  "PROMETHEUS_BEARER_TOKEN_FILE" (ternary "/etc/docuchat/prometheus/token" "" (eq "token" (include "docuchat.prometheusProof" .)))
  "ALERTMANAGER_URLS" (include "docuchat.alertmanagerUrls" .)
  "USAGE_SELECTOR" ($v.settings.USAGE_SELECTOR | default (printf "namespace=%q" .Release.Namespace))
  "SELLER_LEGAL_NAME" $v.seller.legalName
  "SELLER_ECONOMIC_CODE" $v.seller.economicCode
  "SELLER_NATIONAL_ID" $v.seller.nationalId
  "SELLER_REGISTRATION_NUMBER" $v.seller.registrationNumber
  "SELLER_ADDRESS" $v.seller.address
  "SELLER_POSTAL_CODE" $v.seller.postalCode
  "SELLER_PHONE" $v.seller.phone
  "ZIBAL_URL" $v.zibal.url
  "ZIBAL_MIN_RIAL" $v.zibal.minRial
  "ZIBAL_MAX_RIAL" $v.zibal.maxRial
  "MAIL_FROM" $v.smtp.from
  "OPENAI_BASE_URL" $v.openai.baseUrl
  "OPENAI_MODEL" $v.openai.model
  "OPENAI_EMBEDDING_MODEL" $v.openai.embeddingModel
  "OPENAI_PROJECT_ID" $v.openai.projectId
  "OPENAI_SERVICE_ACCOUNT_ID" $v.openai.serviceAccountId
-}}
{{- if $v.prometheus.certificates.authority -}}
{{- $_ := set $made "PROMETHEUS_CA_FILE" "/etc/docuchat/prometheus/ca.crt" -}}
{{- end -}}
{{- if $v.prometheus.certificates.client -}}
{{- $_ := set $made "PROMETHEUS_CLIENT_CERT_FILE" "/etc/docuchat/prometheus/tls.crt" -}}
{{- $_ := set $made "PROMETHEUS_CLIENT_KEY_FILE" "/etc/docuchat/prometheus/tls.key" -}}
{{- end -}}
{{- if $v.runbooks.enabled -}}
{{- $namespace := include "docuchat.runbookNamespace" . -}}
{{- $_ := set $made "RUNBOOK_NAMESPACE" $namespace -}}
{{- $_ := set $made "KUBERNETES_RUNNER_ACCOUNT" (printf "%s:%s" $namespace (include "docuchat.runnerAccount" .)) -}}
{{- $watched := prepend (splitList "," $v.runbooks.watchedNamespaces) .Release.Namespace -}}
{{- if $v.postgresql.enabled -}}
{{- $server := include "docuchat.name" (dict "root" $ "part" "postgresql") -}}
{{- $_ := set $made "DATABASE_STATEFUL_SET" (printf "%s/%s" .Release.Namespace $server) -}}
{{- end -}}
{{- $_ := set $made "KUBERNETES_NAMESPACES" (without $watched "" | uniq | join ",") -}}
{{- end -}}
{{- range $name, $value := merge $made $v.settings }}
{{- $text := include "docuchat.text" $value }}
{{- if ne $text "" }}
{{ $name }}: {{ $text | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The address that browsers use. Without an Ingress it is that of `kubectl port-forward`. */}}
{{- define "docuchat.publicUrl" -}}
{{- if .Values.web.publicUrl -}}
{{- .Values.web.publicUrl -}}
{{- else if and .Values.ingress.enabled .Values.ingress.host -}}
{{- printf "%s://%s" (ternary "https" "http" .Values.ingress.tls.enabled) .Values.ingress.host -}}
{{- else -}}
http://127.0.0.1:3000
{{- end -}}
{{- end -}}

{{- define "docuchat.proxyHops" -}}
{{- if kindIs "invalid" .Values.web.proxyHops -}}
{{- ternary 1 0 (or .Values.ingress.enabled (not (empty .Values.web.publicUrl))) -}}
{{- else -}}
{{- int .Values.web.proxyHops -}}
{{- end -}}
{{- end -}}

{{- define "docuchat.prometheusUrl" -}}
{{- .Values.prometheus.url | default (printf "http://%s:9090" (include "docuchat.host" (dict "root" $ "part" "prometheus"))) -}}
{{- end -}}

{{/* Grafana and others that know one address get the first. */}}
{{- define "docuchat.firstPrometheusUrl" -}}
{{- first (splitList "," (include "docuchat.prometheusUrl" .)) | trim -}}
{{- end -}}

{{/* The proof that the measuring servers want: a token, a password or none. */}}
{{- define "docuchat.prometheusProof" -}}
{{- if .Values.secrets.prometheusBearerToken -}}token
{{- else if .Values.secrets.prometheusPassword -}}password
{{- else -}}{{- .Values.prometheus.proof -}}
{{- end -}}
{{- end -}}

{{- define "docuchat.hasPrometheusAccess" -}}
{{- $given := .Values.secrets -}}
{{- if or $given.existing.prometheus $given.prometheusBearerToken $given.prometheusPassword $given.prometheusHeaders -}}yes{{- end -}}
{{- end -}}

{{- define "docuchat.prometheusSecret" -}}
{{- include "docuchat.secretName" (dict "root" . "part" "prometheus-access" "existing" "prometheus") -}}
{{- end -}}

{{/* The variables for the measuring servers that come from a Secret, each with its key. */}}
{{- define "docuchat.prometheusVariables" -}}
{{- if include "docuchat.hasPrometheusAccess" . -}}
- {variable: PROMETHEUS_HEADERS, secret: {{ include "docuchat.prometheusSecret" . }}, key: headers, optional: true}
{{- if eq "password" (include "docuchat.prometheusProof" .) }}
- {variable: PROMETHEUS_PASSWORD, secret: {{ include "docuchat.prometheusSecret" . }}, key: password}
{{- end }}
{{- end -}}
{{- end -}}

{{/* The files for the measuring servers: projected ones follow their Secrets. */}}
{{- define "docuchat.prometheusVolume" -}}
{{- $certificates := .Values.prometheus.certificates -}}
{{- if include "docuchat.hasPrometheusFiles" . }}
- name: prometheus
  projected:
    defaultMode: 0440
    sources:
      {{- if eq "token" (include "docuchat.prometheusProof" .) }}
      - secret:
          name: {{ include "docuchat.prometheusSecret" . }}
          items: [{key: token, path: token}]
      {{- end }}
      {{- if $certificates.authority }}
      - secret:
          name: {{ .Values.secrets.existing.prometheusCertificates }}
          items: [{key: ca.crt, path: ca.crt}]
      {{- end }}
      {{- if $certificates.client }}
      - secret:
          name: {{ .Values.secrets.existing.prometheusCertificates }}
          items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]
      {{- end }}
{{- end }}
{{- end -}}

{{- define "docuchat.prometheusMount" -}}
{{- if include "docuchat.hasPrometheusFiles" . }}
- {name: prometheus, mountPath: /etc/docuchat/prometheus, readOnly: true}
{{- end }}
{{- end -}}

{{- define "docuchat.hasPrometheusFiles" -}}
{{- $certificates := .Values.prometheus.certificates -}}
{{- if or $certificates.authority $certificates.client (eq "token" (include "docuchat.prometheusProof" .)) -}}yes{{- end -}}
{{- end -}}

{{- define "docuchat.alertmanagerUrls" -}}
{{- .Values.alertmanager.urls | default (printf "http://%s:9093" (include "docuchat.host" (dict "root" $ "part" "alertmanager"))) -}}
{{- end -}}

{{/* The account of runs. */}}
{{- define "docuchat.runnerAccount" -}}
{{- include "docuchat.name" (dict "root" . "part" "runner") -}}
{{- end -}}

{{- define "docuchat.hasRedis" -}}
{{- if or .Values.redis.enabled .Values.secrets.redisUrl .Values.secrets.existing.redis -}}yes{{- end -}}
{{- end -}}

{{- define "docuchat.databaseSecret" -}}
{{- include "docuchat.secretName" (dict "root" . "part" "portal-database" "existing" "database") -}}
{{- end -}}

{{- define "docuchat.databasePassword" -}}
{{- dict "key" "password" "given" .Values.secrets.databasePassword "length" 32 | toYaml -}}
{{- end -}}

{{- define "docuchat.bundledDatabaseUrl" -}}
{{- $password := include "docuchat.secretValue" (merge (dict "root" . "part" "portal-database") (include "docuchat.databasePassword" . | fromYaml)) -}}
{{- printf "postgresql://portal:%s@%s:5432/portal" $password (include "docuchat.host" (dict "root" . "part" "postgresql")) -}}
{{- end -}}

{{/* Variables from Secrets that every process of the portal needs to start: each checks all settings. */}}
{{- define "docuchat.commonSecretEnv" -}}
{{- $name := dict "root" . -}}
{{ include "docuchat.secretEnv" (dict "name" "DATABASE_URL" "secret" (include "docuchat.databaseSecret" .) "key" "url") }}
{{ include "docuchat.secretEnv" (dict "name" "SMTP_URL" "secret" (include "docuchat.secretName" (dict "root" . "part" "smtp")) "key" "url") }}
{{ include "docuchat.secretEnv" (dict "name" "ZIBAL_MERCHANT" "secret" (include "docuchat.secretName" (dict "root" . "part" "zibal")) "key" "merchant") }}
{{ include "docuchat.secretEnv" (dict "name" "ZIBAL_MERCHANT_PREVIOUS" "secret" (include "docuchat.secretName" (dict "root" . "part" "zibal")) "key" "merchant-previous" "optional" true) }}
{{ include "docuchat.secretEnv" (dict "name" "DEPLOYMENTS_TOKEN_HASH" "secret" (include "docuchat.secretName" (dict "root" . "part" "deployments")) "key" "hash") }}
{{ include "docuchat.secretEnv" (dict "name" "ALERTS_TOKEN_HASH" "secret" (include "docuchat.secretName" (dict "root" . "part" "alerts")) "key" "hash") }}
{{- range include "docuchat.prometheusVariables" . | fromYamlArray }}
{{ include "docuchat.secretEnv" (dict "name" .variable "secret" .secret "key" .key "optional" .optional) }}
{{- end }}
{{- if .Values.backups.bucket.url }}
{{- $bucket := include "docuchat.secretName" (dict "root" . "part" "backup-bucket" "existing" "backupBucket") }}
{{ include "docuchat.secretEnv" (dict "name" "BACKUP_BUCKET_ACCESS_KEY" "secret" $bucket "key" "access-key") }}
{{ include "docuchat.secretEnv" (dict "name" "BACKUP_BUCKET_SECRET_KEY" "secret" $bucket "key" "secret-key") }}
{{- end }}
{{- end -}}

{{/* The web's: the two metrics tokens, the model provider's key and the pages' state. */}}
{{- define "docuchat.webSecretEnv" -}}
{{- $metrics := include "docuchat.secretName" (dict "root" . "part" "metrics") -}}
{{ include "docuchat.commonSecretEnv" . }}
{{ include "docuchat.secretEnv" (dict "name" "METRICS_TOKEN" "secret" $metrics "key" "token") }}
{{ include "docuchat.secretEnv" (dict "name" "METRICS_TOKEN_PREVIOUS" "secret" $metrics "key" "previous-token" "optional" true) }}
{{ include "docuchat.secretEnv" (dict "name" "OPENAI_API_KEY" "secret" (include "docuchat.secretName" (dict "root" . "part" "openai")) "key" "value") }}
{{- if include "docuchat.hasRedis" . }}
{{ include "docuchat.secretEnv" (dict "name" "REDIS_URL" "secret" (include "docuchat.secretName" (dict "root" . "part" "redis")) "key" "url") }}
{{- end }}
{{- end -}}

{{/*
Those of jobs, billing and runs. A rotation replaces the pods of each workload that reads its Secret, and refuses one
that it does not know; so they have a metrics token of their own, and read the provider's key from a projected file
that follows the Secret.
*/}}
{{- define "docuchat.jobsSecretEnv" -}}
{{ include "docuchat.commonSecretEnv" . }}
{{ include "docuchat.secretEnv" (dict "name" "METRICS_TOKEN" "secret" (include "docuchat.name" (dict "root" . "part" "jobs-metrics")) "key" "token") }}
- name: OPENAI_API_KEY_FILE
  value: /etc/docuchat/openai/value
{{- end -}}

{{- define "docuchat.openaiVolume" -}}
- name: openai
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "docuchat.secretName" (dict "root" . "part" "openai") }}
          items: [{key: value, path: value}]
{{- end -}}
