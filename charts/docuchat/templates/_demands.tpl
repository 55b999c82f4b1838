{{/* What values must say together. All that is missing is told at once, each with what to do. */}}

{{- define "docuchat.demands" -}}
{{- $found := concat (include "docuchat.contradictions" . | fromYamlArray) (include "docuchat.missingInProduction" . | fromYamlArray) -}}
{{- if $found -}}
{{- fail (printf "\n\nThe values do not describe a release that can run:\n- %s\n" (join "\n- " $found)) -}}
{{- end -}}
{{- end -}}

{{- define "docuchat.contradictions" -}}
{{- $v := .Values -}}
{{- $found := list -}}
{{- if and $v.postgresql.enabled $v.secrets.databaseUrl -}}
{{- $found = append $found "secrets.databaseUrl names a managed PostgreSQL: set postgresql.enabled=false, or leave the address out." -}}
{{- end -}}
{{- if not (or $v.postgresql.enabled $v.secrets.databaseUrl $v.secrets.existing.database) -}}
{{- $found = append $found "postgresql.enabled=false leaves the portal without a database: give secrets.databaseUrl or secrets.existing.database." -}}
{{- end -}}
{{- if and $v.redis.enabled $v.secrets.redisUrl -}}
{{- $found = append $found "secrets.redisUrl names a managed Redis: set redis.enabled=false, or leave the address out." -}}
{{- end -}}
{{- $most := ternary $v.web.autoscaling.maxReplicas $v.web.replicas $v.web.autoscaling.enabled | int -}}
{{- if and (gt $most 1) (not (include "docuchat.hasRedis" .)) -}}
{{- $found = append $found (printf "%d web pods share the state of pages through a Redis: set redis.enabled=true, give secrets.redisUrl, or set web.autoscaling.enabled=false and web.replicas=1." $most) -}}
{{- end -}}
{{- if gt (int $v.web.autoscaling.minReplicas) (int $v.web.autoscaling.maxReplicas) -}}
{{- $found = append $found "web.autoscaling.minReplicas is larger than web.autoscaling.maxReplicas." -}}
{{- end -}}
{{- $needed := include "docuchat.connectionsNeeded" . | int -}}
{{- if and $v.postgresql.enabled (gt $needed (int $v.postgresql.maxConnections)) -}}
{{- $found = append $found (printf "The portal may open %d connections: raise postgresql.maxConnections from %d, lower settings.DATABASE_POOL_SIZE, or lower web.autoscaling.maxReplicas." $needed (int $v.postgresql.maxConnections)) -}}
{{- end -}}
{{- if and $v.backups.enabled (not $v.backups.bucket.url) (ne $v.backups.storage.accessMode "ReadWriteMany") (gt (int $v.jobs.replicas) 1) -}}
{{- $found = append $found "More than one jobs pod cannot share the volume for backups: set backups.storage.accessMode=ReadWriteMany, give backups.bucket, or set jobs.replicas=1." -}}
{{- end -}}
{{- if and $v.backups.bucket.url (not $v.backups.bucket.name) -}}
{{- $found = append $found "backups.bucket.url needs backups.bucket.name." -}}
{{- end -}}
{{- if and $v.backups.bucket.url (not $v.secrets.existing.backupBucket) (not (and $v.secrets.backupBucketAccessKey $v.secrets.backupBucketSecretKey)) -}}
{{- $found = append $found "backups.bucket.url needs secrets.backupBucketAccessKey and secrets.backupBucketSecretKey, or secrets.existing.backupBucket." -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}
{{- $found = append $found "ingress.enabled needs ingress.host, such as portal.example.com." -}}
{{- end -}}
{{- if and (not $v.prometheus.enabled) (not $v.prometheus.url) -}}
{{- $found = append $found "prometheus.enabled=false leaves nothing to measure usage by: give prometheus.url." -}}
{{- end -}}
{{- if and (include "docuchat.hasPrometheus" .) $v.prometheus.url -}}
{{- $found = append $found "prometheus.url names another Prometheus: set prometheus.enabled=false, or leave the address out." -}}
{{- end -}}
{{- if and (include "docuchat.hasAlertmanager" .) $v.alertmanager.urls -}}
{{- $found = append $found "alertmanager.urls names other Alertmanagers: set alertmanager.enabled=false, or leave the addresses out." -}}
{{- end -}}
{{- if and $v.networkPolicies.enabled (include "docuchat.hasPrometheus" .) $v.prometheus.extraScrapeConfigs (not (include "docuchat.scrapePorts" . | fromJsonArray)) -}}
{{- $found = append $found "prometheus.extraScrapeConfigs names no port that Prometheus may be let out to: give networkPolicies.ports.scrapes." -}}
{{- end -}}
{{- if and $v.networkPolicies.enabled (include "docuchat.hasAlertmanager" .) $v.alertmanager.receivers (not (include "docuchat.receiverPorts" . | fromJsonArray)) -}}
{{- $found = append $found "alertmanager.receivers names no port that Alertmanager may be let out to: give networkPolicies.ports.receivers." -}}
{{- end -}}
{{- if and (or $v.prometheus.certificates.authority $v.prometheus.certificates.client) (not $v.secrets.existing.prometheusCertificates) -}}
{{- $found = append $found "prometheus.certificates.authority and prometheus.certificates.client need secrets.existing.prometheusCertificates." -}}
{{- end -}}
{{- if and $v.prometheus.proof (not $v.secrets.existing.prometheus) -}}
{{- $found = append $found "prometheus.proof speaks of secrets.existing.prometheus: name that Secret, or give secrets.prometheusBearerToken or secrets.prometheusPassword." -}}
{{- end -}}
{{- if ne (empty $v.prometheus.username) (ne "password" (include "docuchat.prometheusProof" .)) -}}
{{- $found = append $found "prometheus.username and a password for it belong together: give secrets.prometheusPassword, or prometheus.proof=password with secrets.existing.prometheus." -}}
{{- end -}}
{{- if and $v.secrets.prometheusBearerToken $v.secrets.prometheusPassword -}}
{{- $found = append $found "The measuring servers take one proof: give secrets.prometheusBearerToken or secrets.prometheusPassword." -}}
{{- end -}}
{{- $guarded := or (include "docuchat.hasPrometheusAccess" .) (include "docuchat.hasPrometheusFiles" .) -}}
{{- if and $v.prometheus.url $guarded (include "docuchat.hasGrafana" .) -}}
{{- $found = append $found "The release's Grafana shows no proof to the servers of prometheus.url: set grafana.enabled=false, and read the samples with the Grafana that those servers have." -}}
{{- end -}}
{{- if and (not $v.alertmanager.enabled) (not $v.alertmanager.urls) -}}
{{- $found = append $found "alertmanager.enabled=false leaves nobody to ask for alerts: give alertmanager.urls." -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{- define "docuchat.missingInProduction" -}}
{{- $v := .Values -}}
{{- $found := list -}}
{{- if $v.production.enabled -}}
{{- if and (not $v.secrets.existing.zibal) (has $v.secrets.zibalMerchant (list "" "zibal")) -}}
{{- $found = append $found "Production needs a merchant of its own: give secrets.zibalMerchant or secrets.existing.zibal; `zibal` is the public sandbox." -}}
{{- end -}}
{{- if not (hasPrefix "https://" $v.zibal.url) -}}
{{- $found = append $found "Production reaches the gateway by https: correct zibal.url." -}}
{{- end -}}
{{- if not (or $v.web.publicUrl (and $v.ingress.enabled $v.ingress.host)) -}}
{{- $found = append $found "Production needs a host: set ingress.enabled=true and ingress.host, or give web.publicUrl where something else lets browsers in." -}}
{{- else if not (hasPrefix "https://" (include "docuchat.publicUrl" .)) -}}
{{- $found = append $found "Production needs TLS: set ingress.tls.enabled=true with a certificate, or give a web.publicUrl that begins with https://." -}}
{{- end -}}
{{- if and (not (kindIs "invalid" $v.web.proxyHops)) (eq (int $v.web.proxyHops) 0) -}}
{{- $found = append $found "Production has a proxy that ends TLS before the portal: web.proxyHops cannot be 0." -}}
{{- end -}}
{{- if not (or $v.secrets.smtpUrl $v.secrets.existing.smtp) -}}
{{- $found = append $found "Production sends invoices by mail: give secrets.smtpUrl or secrets.existing.smtp." -}}
{{- end -}}
{{- if contains "docuchat.example" $v.smtp.from -}}
{{- $found = append $found "Production needs a sender of your own: give smtp.from." -}}
{{- end -}}
{{- if and $v.postgresql.enabled (not $v.production.bundledDatabase) -}}
{{- $found = append $found "Production needs a managed database: set postgresql.enabled=false and give secrets.databaseUrl or secrets.existing.database; or accept the bundled one with production.bundledDatabase=true." -}}
{{- end -}}
{{- if hasPrefix "http://" $v.backups.bucket.url -}}
{{- $found = append $found "Production sends backups by https: correct backups.bucket.url." -}}
{{- end -}}
{{- $missing := list -}}
{{- range $name := list "legalName" "economicCode" "nationalId" "registrationNumber" "address" "postalCode" "phone" -}}
{{- if not (get $v.seller $name) }}{{ $missing = append $missing (printf "seller.%s" $name) }}{{ end -}}
{{- end -}}
{{- if $missing -}}
{{- $found = append $found (printf "Production prints the seller on every invoice: give %s." (join ", " $missing)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/* Connections that all processes may open at once: the pool, ten more for a moment, and one that leads or listens. A run or
two, the billing Job, and the three that PostgreSQL keeps for superusers come on top. During a rollout one more web pod runs. */}}
{{- define "docuchat.connectionsNeeded" -}}
{{- $each := add (int .Values.settings.DATABASE_POOL_SIZE) 11 | int -}}
{{- $web := ternary .Values.web.autoscaling.maxReplicas .Values.web.replicas .Values.web.autoscaling.enabled | int -}}
{{- add (mul $each (add $web 1 (int .Values.jobs.replicas) 4)) 3 -}}
{{- end -}}
