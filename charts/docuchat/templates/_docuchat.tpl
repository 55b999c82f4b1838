{{/* DocuChat itself: a Deployment, its Services, its autoscaler and its budget, for the backend (`api`) and the frontend. */}}

{{- define "docuchat.hasDatabaseOfItsOwn" -}}
{{- if or .Values.secrets.docuchatDatabaseUrl .Values.secrets.existing.docuchatDatabase -}}yes{{- end -}}
{{- end -}}

{{/* One credential a Secret: the runbooks rotate each and replace the pods of whoever reads it. */}}
{{- define "docuchat.apiSecretEnv" -}}
{{- $jwt := include "docuchat.secretName" (dict "root" . "part" "jwt" "existing" "docuchatJwt") -}}
{{ include "docuchat.secretEnv" (dict "name" "OPENAI_API_KEY" "secret" (include "docuchat.secretName" (dict "root" . "part" "openai")) "key" "value") }}
{{ include "docuchat.secretEnv" (dict "name" "JWT_KEYS" "secret" $jwt "key" "keys") }}
{{ include "docuchat.secretEnv" (dict "name" "JWT_SIGNING_KID" "secret" $jwt "key" "signing-kid") }}
{{- if include "docuchat.hasDatabaseOfItsOwn" . }}
{{- $database := include "docuchat.secretName" (dict "root" . "part" "database" "existing" "docuchatDatabase") }}
{{ include "docuchat.secretEnv" (dict "name" "DATABASE_URL" "secret" $database "key" "url") }}
{{ include "docuchat.secretEnv" (dict "name" "DATABASE_USERNAME" "secret" $database "key" "username") }}
{{ include "docuchat.secretEnv" (dict "name" "DATABASE_PASSWORD" "secret" $database "key" "password") }}
{{- end }}
{{- end -}}

{{/* A Deployment of `part` from its `values`; `env` are its variables from Secrets. */}}
{{- define "docuchat.servingDeployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "docuchat.metadata" . | nindent 2 }}
spec:
  {{- if not .values.autoscaling.enabled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 10
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  selector:
    matchLabels:
      {{- include "docuchat.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "docuchat.selectorLabels" . | nindent 8 }}
      annotations:
        checksum/secrets: {{ include "docuchat.secretsChecksum" .root | quote }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- include "docuchat.pullSecrets" .root | nindent 6 }}
      securityContext:
        {{- include "docuchat.podSecurityContext" (dict "root" .root "user" .values.runAsUser) | nindent 8 }}
      terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
      topologySpreadConstraints:
        {{- include "docuchat.topologySpread" . | trim | nindent 8 }}
      {{- include "docuchat.placement" .values | trim | nindent 6 }}
      containers:
        - name: {{ .part }}
          image: {{ include "docuchat.image" (dict "root" .root "image" .values.image) }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          {{- with .values.args }}
          args:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - {name: http, containerPort: {{ .values.port }}, protocol: TCP}
          env:
            - {name: TMPDIR, value: /tmp}
            {{- range $name, $value := .values.env }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
            {{- with .env }}
            {{- . | nindent 12 }}
            {{- end }}
          livenessProbe:
            httpGet: {path: {{ .values.livenessPath }}, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          readinessProbe:
            httpGet: {path: {{ .values.readinessPath }}, port: http}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          startupProbe:
            httpGet: {path: {{ .values.livenessPath }}, port: http}
            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 60
          lifecycle:
            preStop:
              sleep: {seconds: 5}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          securityContext:
            {{- include "docuchat.containerSecurityContext" .root | nindent 12 }}
          volumeMounts:
            {{- include "docuchat.writableMounts" .root | nindent 12 }}
      volumes:
        {{- include "docuchat.writableVolumes" .root | nindent 8 }}
{{- end -}}

{{/* The Service of a part of web pods, on the port called `http`. */}}
{{- define "docuchat.servingService" -}}
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

{{/* Every pod for itself, for Prometheus; also one that is about to end, which is scraped twice more. */}}
{{- define "docuchat.podsService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "docuchat.metadata" (merge (dict "name" (printf "%s-pods" (include "docuchat.name" .))) .) | nindent 2 }}
spec:
  type: ClusterIP
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "docuchat.selectorLabels" . | nindent 4 }}
  ports:
    - {name: http, port: {{ .port }}, targetPort: http, protocol: TCP}
{{- end -}}

{{/* More pods of a part under load; at least two, so that one may go. */}}
{{- define "docuchat.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "docuchat.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "docuchat.name" . }}
  minReplicas: {{ .autoscaling.minReplicas }}
  maxReplicas: {{ .autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .autoscaling.targetCPUUtilizationPercentage }}
  behavior:
    scaleDown:
      # Open tabs and streams start again when their pod goes; do not send them from one to the next.
      stabilizationWindowSeconds: 600
{{- end -}}

{{/* A drained node takes one pod of a part at a time. */}}
{{- define "docuchat.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "docuchat.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "docuchat.selectorLabels" . | nindent 6 }}
{{- end -}}
