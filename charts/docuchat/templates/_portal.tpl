{{/* What the pods of web, jobs and billing have in common. */}}

{{/* Replace pods when a setting or a secret of the operator changes. */}}
{{- define "docuchat.portalAnnotations" -}}
checksum/settings: {{ include "docuchat.settings" . | sha256sum | trunc 16 | quote }}
checksum/secrets: {{ include "docuchat.secretsChecksum" . | quote }}
{{- end -}}

{{- define "docuchat.portalSettings" -}}
envFrom:
  - configMapRef:
      name: {{ include "docuchat.name" (dict "root" . "part" "settings") }}
{{- end -}}

{{/* Bring the database to the newest schema before a process starts; two at once wait for each other by an advisory lock. */}}
{{- define "docuchat.migrations" -}}
- name: migrations
  image: {{ include "docuchat.image" (dict "root" .root "image" .image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  # The bundled PostgreSQL starts beside it, and the first start of one takes a while.
  args: [backend.db, upgrade, --wait-s, "300"]
  {{- include "docuchat.portalSettings" .root | nindent 2 }}
  env:
    {{- .env | nindent 4 }}
  resources:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: "1", memory: 512Mi}
  securityContext:
    {{- include "docuchat.containerSecurityContext" .root | nindent 4 }}
  volumeMounts:
    {{- include "docuchat.writableMounts" .root | nindent 4 }}
{{- end -}}

{{/* The root file system is read only; the image names what must be writable. */}}
{{- define "docuchat.writableVolumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- end -}}

{{- define "docuchat.writableMounts" -}}
- name: tmp
  mountPath: /tmp
{{- end -}}
