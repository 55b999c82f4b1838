{{/* Prometheus, Alertmanager and Grafana: which of them the release runs, what is scraped, and their configurations. */}}

{{- define "docuchat.hasPrometheus" -}}
{{- if and .Values.prometheus.enabled (not .Values.operator.enabled) -}}yes{{- end -}}
{{- end -}}

{{- define "docuchat.hasAlertmanager" -}}
{{- if and .Values.alertmanager.enabled (not .Values.operator.enabled) -}}yes{{- end -}}
{{- end -}}

{{- define "docuchat.hasGrafana" -}}
{{- if and .Values.grafana.enabled (not .Values.operator.enabled) -}}yes{{- end -}}
{{- end -}}

{{/* What Prometheus scrapes of the release: a part, its job in files/prometheus/prometheus.yml, the port, and the Service of every single pod. */}}
{{- define "docuchat.scrapeTargets" -}}
- {part: portal, job: portal, port: http, number: 3000, service: portal-pods}
- {part: jobs, job: jobs, port: metrics, number: 9102, service: jobs}
{{- if .Values.docuchat.enabled }}
- {part: api, job: docuchat, port: http, number: {{ .Values.docuchat.api.port }}, service: api-pods}
{{- end }}
{{- if include "docuchat.hasAlertmanager" . }}
- {part: alertmanager, job: alertmanager, port: http, number: 9093, service: alertmanager}
{{- end }}
{{- if include "docuchat.hasGrafana" . }}
- {part: grafana, job: grafana, port: http, number: 3000, service: grafana}
{{- end }}
{{- end -}}

{{/* The parts that browsers may reach by an Ingress of their own. */}}
{{- define "docuchat.ingressTargets" -}}
- {part: portal, port: http}
{{- if and .Values.docuchat.enabled .Values.docuchat.host }}
- {part: api, port: http}
- {part: frontend, port: http}
{{- end }}
{{- if and (include "docuchat.hasGrafana" .) .Values.grafana.host }}
- {part: grafana, port: http}
{{- end }}
{{- if and (include "docuchat.hasPrometheus" .) .Values.prometheus.host }}
- {part: prometheus, port: http}
{{- end }}
{{- if and (include "docuchat.hasAlertmanager" .) .Values.alertmanager.host }}
- {part: alertmanager, port: http}
{{- end }}
{{- end -}}

{{/* files/prometheus/prometheus.yml with the names of this release. */}}
{{- define "docuchat.prometheusConfig" -}}
{{- $config := .Files.Get "files/prometheus/prometheus.yml" | fromYaml -}}
{{- $targets := dict -}}
{{- range include "docuchat.scrapeTargets" . | fromYamlArray -}}
{{- $name := include "docuchat.host" (dict "root" $ "part" .service) -}}
{{- $_ := set $targets .job (list (dict "names" (list $name) "type" "A" "port" .number)) -}}
{{- end -}}
{{- with .Values.prometheus.docuchat -}}
{{- if and .host (not (hasKey $targets "docuchat")) -}}
{{- $_ := set $targets "docuchat" (list (dict "names" (list .host) "type" "A" "port" .port)) -}}
{{- end -}}
{{- end -}}
{{- $scraped := list -}}
{{- range $config.scrape_configs -}}
{{- if hasKey $targets .job_name -}}
{{- $_ := set . "dns_sd_configs" (get $targets .job_name) -}}
{{- end -}}
{{- if eq .job_name "docuchat" -}}
{{- range .relabel_configs -}}
{{- if eq .target_label "namespace" -}}{{- $_ := set . "replacement" $.Release.Namespace -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq .job_name "jobs" -}}
{{- $_ := set .authorization "credentials_file" "secrets/jobs-metrics-token" -}}
{{- end -}}
{{- if or (hasKey $targets .job_name) .static_configs -}}
{{- $scraped = append $scraped . -}}
{{- end -}}
{{- end -}}
{{- $_ := set $config "scrape_configs" (concat $scraped .Values.prometheus.extraScrapeConfigs) -}}
{{- $_ := set $config.global.external_labels "cluster" .Values.prometheus.cluster -}}
{{- $_ := set $config "alerting" (include "docuchat.alertingConfig" . | fromYaml) -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Whom Prometheus tells of alerts: the release's Alertmanager, or the others that the portal asks. */}}
{{- define "docuchat.alertingConfig" -}}
alertmanagers:
{{- if include "docuchat.hasAlertmanager" . }}
  - dns_sd_configs:
      - {names: [{{ include "docuchat.host" (dict "root" . "part" "alertmanager") }}], type: A, port: 9093}
{{- else if .Values.alertmanager.urls }}
{{- range splitList "," .Values.alertmanager.urls }}
{{- $address := urlParse (trim .) }}
  - scheme: {{ $address.scheme }}
    static_configs:
      - targets: [{{ printf "%s:%s" (regexReplaceAll ":[0-9]+$" $address.host "") (include "docuchat.portOf" (trim .)) | quote }}]
    {{- with trimSuffix "/" $address.path }}
    path_prefix: {{ . }}
    {{- end }}
{{- end }}
{{- else }} []
{{- end }}
{{- end -}}

{{/* files/prometheus/alertmanager.yml with the portal's address, and the operator's own receivers and routes. */}}
{{- define "docuchat.alertmanagerConfig" -}}
{{- $config := .Files.Get "files/prometheus/alertmanager.yml" | fromYaml -}}
{{- range $config.receivers -}}
{{- if eq .name "portal" -}}
{{- $_ := set (first .webhook_configs) "url" (printf "http://%s:3000/api/v1/alerts" (include "docuchat.host" (dict "root" $ "part" "portal"))) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $config "receivers" (concat $config.receivers .Values.alertmanager.receivers) -}}
{{- $_ := set $config.route "routes" (concat $config.route.routes .Values.alertmanager.routes) -}}
{{- toYaml $config -}}
{{- end -}}

{{/* An Ingress of one of the monitoring programs, on a host of its own. */}}
{{- define "docuchat.ownIngress" -}}
{{- $values := .values -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "docuchat.metadata" . | nindent 2 }}
  {{- with $values.ingressAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .root.Values.ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- if .root.Values.ingress.tls.enabled }}
  tls:
    - hosts: [{{ $values.host }}]
      secretName: {{ include "docuchat.name" . }}-tls
  {{- end }}
  rules:
    - host: {{ $values.host }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "docuchat.name" . }}
                port: {name: http}
{{- end -}}

{{/* The address of a monitoring program for browsers; empty without a host of its own. */}}
{{- define "docuchat.ownUrl" -}}
{{- if and .root.Values.ingress.enabled .values.host -}}
{{- printf "%s://%s" (ternary "https" "http" .root.Values.ingress.tls.enabled) .values.host -}}
{{- end -}}
{{- end -}}

{{/* The Service of a monitoring program. */}}
{{- define "docuchat.ownService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "docuchat.metadata" . | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "docuchat.selectorLabels" . | nindent 4 }}
  ports:
    - {name: http, port: {{ .port }}, targetPort: http, protocol: TCP}
{{- end -}}

{{/* A matcher of Alertmanager, such as `severity=~"a|b"`, as the operator's kinds write it. */}}
{{- define "docuchat.operatorMatchers" -}}
{{- range . }}
- name: {{ regexFind "^[a-zA-Z_]+" . }}
  matchType: {{ regexFind "(=~|!~|!=|=)" . | quote }}
  value: {{ regexFind "\".*\"$" . }}
{{- end }}
{{- end -}}
