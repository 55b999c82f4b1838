{{/* NetworkPolicies, one pair for each flow: what the client may send, and what the server may receive. */}}

{{/* The labels of one part's pods, or of several parts'. */}}
{{- define "docuchat.podsOf" -}}
matchLabels:
  app.kubernetes.io/name: {{ .root.Chart.Name }}
  app.kubernetes.io/instance: {{ .root.Release.Name }}
matchExpressions:
  - {key: app.kubernetes.io/component, operator: In, values: {{ .parts | toJson }}}
{{- end -}}

{{- define "docuchat.flowMetadata" -}}
name: {{ printf "%s-%s" (include "docuchat.fullname" .root) .name }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "docuchat.labels" (dict "root" .root "part" "network") | nindent 2 }}
annotations:
  kubernetes.io/description: {{ .about | quote }}
{{- end -}}

{{- define "docuchat.flowPorts" -}}
ports:
  {{- range . }}
  - {protocol: TCP, port: {{ . }}}
  {{- end }}
{{- end -}}

{{/* A flow from the pods of some parts to those of one. `withRuns`: runs are clients, too, from their own namespace. */}}
{{- define "docuchat.flow" -}}
{{- $clients := without .clients .server -}}
{{- if $clients }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "docuchat.flowMetadata" (merge (dict "name" (printf "to-%s" .name)) .) | nindent 2 }}
spec:
  podSelector:
    {{- include "docuchat.podsOf" (dict "root" .root "parts" $clients) | nindent 4 }}
  policyTypes: [Egress]
  egress:
    - to:
        - podSelector:
            {{- include "docuchat.podsOf" (dict "root" .root "parts" (list .server)) | nindent 12 }}
      {{- include "docuchat.flowPorts" .ports | nindent 6 }}
---
{{- end }}
{{- if .withRuns }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "docuchat.flowMetadata" (merge (dict "name" (printf "to-%s" .name) "namespace" (include "docuchat.runbookNamespace" .root)) .) | nindent 2 }}
spec:
  podSelector:
    {{- include "docuchat.podsOf" (dict "root" .root "parts" (list "runner")) | nindent 4 }}
  policyTypes: [Egress]
  egress:
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ .root.Release.Namespace }}
          podSelector:
            {{- include "docuchat.podsOf" (dict "root" .root "parts" (list .server)) | nindent 12 }}
      {{- include "docuchat.flowPorts" .ports | nindent 6 }}
---
{{- end }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "docuchat.flowMetadata" (merge (dict "name" (printf "at-%s" .name)) .) | nindent 2 }}
spec:
  podSelector:
    {{- include "docuchat.podsOf" (dict "root" .root "parts" (list .server)) | nindent 4 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        {{- if $clients }}
        - podSelector:
            {{- include "docuchat.podsOf" (dict "root" .root "parts" $clients) | nindent 12 }}
        {{- end }}
        {{- if .withRuns }}
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ include "docuchat.runbookNamespace" .root }}
          podSelector:
            {{- include "docuchat.podsOf" (dict "root" .root "parts" (list "runner")) | nindent 12 }}
        {{- end }}
      {{- include "docuchat.flowPorts" .ports | nindent 6 }}
{{- end -}}

{{/* A flow from pods of another namespace, such as that of the ingress controller, to those of one part. */}}
{{- define "docuchat.incoming" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "docuchat.flowMetadata" . | nindent 2 }}
spec:
  podSelector:
    {{- include "docuchat.podsOf" (dict "root" .root "parts" (list .server)) | nindent 4 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ .from }}
        {{- range .cidrs }}
        - ipBlock: {cidr: {{ . }}}
        {{- end }}
      {{- include "docuchat.flowPorts" .ports | nindent 6 }}
{{- end -}}

{{/* A flow from the pods of some parts to addresses outside, those of `networkPolicies.cidrs` under the flow's own key. */}}
{{- define "docuchat.outgoing" -}}
{{- $rule := dict "to" (list) -}}
{{- $cidrs := get .root.Values.networkPolicies.cidrs .key | default .root.Values.networkPolicies.cidrs.default -}}
{{- $places := list -}}
{{- if .clients }}{{ $places = append $places (dict "namespace" .root.Release.Namespace "parts" .clients) }}{{ end -}}
{{- if .withRuns }}{{ $places = append $places (dict "namespace" (include "docuchat.runbookNamespace" .root) "parts" (list "runner")) }}{{ end -}}
{{- $flow := . -}}
{{- range $index, $place := $places }}
{{- if $index }}
---
{{- end }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "docuchat.flowMetadata" (merge (dict "name" (printf "to-%s" $flow.name) "namespace" $place.namespace) $flow) | nindent 2 }}
spec:
  podSelector:
    {{- include "docuchat.podsOf" (dict "root" $flow.root "parts" $place.parts) | nindent 4 }}
  policyTypes: [Egress]
  egress:
    - to:
        {{- range $cidrs }}
        - ipBlock:
            cidr: {{ . }}
            {{- if hasSuffix "/0" . }}
            # Where clouds hand out the credentials of nodes.
            except: [{{ ternary "fe80::/10" "169.254.0.0/16" (contains ":" .) }}]
            {{- end }}
        {{- end }}
      {{- include "docuchat.flowPorts" $flow.ports | nindent 6 }}
{{- end }}
{{- end -}}

{{/* The port of an address, or that of its scheme. */}}
{{- define "docuchat.portOf" -}}
{{- $address := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $address.host | trimPrefix ":" -}}
{{- $port | default (ternary "80" "443" (eq $address.scheme "http")) -}}
{{- end -}}

{{/* The ports of the addresses with a scheme in something that the operator wrote, as a JSON list of texts. */}}
{{- define "docuchat.portsIn" -}}
{{- $ports := list -}}
{{- range regexFindAll "https?://[A-Za-z0-9._:@-]+" (toYaml .) -1 }}{{ $ports = append $ports (include "docuchat.portOf" .) }}{{ end -}}
{{- toJson $ports -}}
{{- end -}}

{{/* The ports of the operator's own targets: those that stand in `prometheus.extraScrapeConfigs`, and `networkPolicies.ports.scrapes`. */}}
{{- define "docuchat.scrapePorts" -}}
{{- $ports := include "docuchat.portsIn" .Values.prometheus.extraScrapeConfigs | fromJsonArray -}}
{{- range $config := .Values.prometheus.extraScrapeConfigs -}}
{{- range $config.static_configs }}{{ range .targets -}}
{{- $ports = append $ports (include "docuchat.portOf" (printf "%s://%s" ($config.scheme | default "http") (toString .))) -}}
{{- end }}{{ end -}}
{{- range $config.dns_sd_configs }}{{ with .port }}{{ $ports = append $ports (toString .) }}{{ end }}{{ end -}}
{{- end -}}
{{- range .Values.networkPolicies.ports.scrapes }}{{ $ports = append $ports (toString .) }}{{ end -}}
{{- uniq $ports | toJson -}}
{{- end -}}

{{/* The ports of the operator's own receivers: those of addresses in `alertmanager.receivers`, and `networkPolicies.ports.receivers`. */}}
{{- define "docuchat.receiverPorts" -}}
{{- $ports := include "docuchat.portsIn" .Values.alertmanager.receivers | fromJsonArray -}}
{{- range .Values.networkPolicies.ports.receivers }}{{ $ports = append $ports (toString .) }}{{ end -}}
{{- uniq $ports | toJson -}}
{{- end -}}
