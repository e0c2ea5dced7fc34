{{/* ingora's own configuration, from the values. */}}
{{- define "ingora.config" -}}
{{- $config := dict "ping" dict -}}

{{- $entryPoints := dict -}}
{{- range $name, $port := .Values.ports -}}
{{- if $port -}}
{{- $_ := set $entryPoints $name (include "ingora.entryPoint" (dict "port" $port "ports" $.Values.ports) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $config "entryPoints" $entryPoints -}}

{{- $provider := omit .Values.providers.kubernetesCRD "enabled" "namespaces" "feedback" -}}
{{- $lease := dict "leaseName" (include "ingora.leaseName" .) -}}
{{- $_ := set $provider "feedback" (merge $lease (.Values.providers.kubernetesCRD.feedback | default dict)) -}}
{{- with include "ingora.namespaces" . | fromJsonArray -}}
{{- $_ := set $provider "namespaces" . -}}
{{- end -}}
{{- if .Values.rbac.namespaced -}}
{{- $_ := set $provider "disableClusterScopeResources" true -}}
{{- end -}}
{{- $_ := set $config "providers" (dict "kubernetesCRD" $provider) -}}

{{- with .Values.core -}}
{{- $_ := set $config "core" . -}}
{{- end -}}
{{- $_ := set $config "log" .Values.logs.general -}}
{{- if .Values.logs.access.enabled -}}
{{- $_ := set $config "accessLog" (include "ingora.accessLog" .Values.logs.access | fromYaml) -}}
{{- end -}}
{{- with .Values.metrics.prometheus -}}
{{- if .enabled -}}
{{- $prometheus := omit . "enabled" "buckets" -}}
{{- if .buckets -}}
{{- $_ := set $prometheus "buckets" (printf "[%s]" .buckets | fromYamlArray) -}}
{{- end -}}
{{- $_ := set $config "metrics" (dict "prometheus" $prometheus) -}}
{{- end -}}
{{- end -}}

{{- toYaml (mergeOverwrite $config (deepCopy .Values.config)) -}}
{{- end }}

{{/* An entry point, from its port. The keys of older versions of Traefik's chart go where `http` has them. */}}
{{- define "ingora.entryPoint" -}}
{{- $port := .port -}}
{{- $http := deepCopy ($port.http | default dict) -}}
{{- with $port.redirections }}{{ $_ := set $http "redirections" (deepCopy .) }}{{ end -}}
{{- with $port.middlewares }}{{ $_ := set $http "middlewares" . }}{{ end -}}
{{- with $port.tls }}{{ $_ := set $http "tls" . }}{{ end -}}
{{- with $http.tls -}}
{{- if .enabled }}{{ $_ := set $http "tls" (omit . "enabled") }}{{ else }}{{ $_ := unset $http "tls" }}{{ end -}}
{{- end -}}
{{- with ($http.redirections | default dict).entryPoint -}}
{{- with index $.ports (toString .to) -}}
{{- $_ := set $http.redirections.entryPoint "to" (printf ":%d" (int (.exposedPort | default .port))) -}}
{{- end -}}
{{- end -}}

{{- $entryPoint := pick $port "asDefault" "forwardedHeaders" "proxyProtocol" "transport" "http2" "udp" "observability" -}}
{{- if $http -}}
{{- $_ := set $entryPoint "http" $http -}}
{{- end -}}
{{- $_ := set $entryPoint "address" (printf ":%d%s" (int $port.port) (ternary "/udp" "" (eq ($port.protocol | default "TCP") "UDP"))) -}}
{{- toYaml $entryPoint -}}
{{- end }}

{{/* `accessLog`, from Traefik's spelling of it in values. */}}
{{- define "ingora.accessLog" -}}
{{- $log := pick . "format" "filePath" "bufferingSize" "addInternals" -}}
{{- with .filters -}}
{{- $filters := dict -}}
{{- with .statuscodes }}{{ $_ := set $filters "statusCodes" (splitList "," .) }}{{ end -}}
{{- if hasKey . "retryattempts" }}{{ $_ := set $filters "retryAttempts" .retryattempts }}{{ end -}}
{{- with .minduration }}{{ $_ := set $filters "minDuration" . }}{{ end -}}
{{- $_ := set $log "filters" $filters -}}
{{- end -}}
{{- with .fields -}}
{{- $fields := include "ingora.fields" .general | fromYaml -}}
{{- with include "ingora.fields" .headers | fromYaml }}{{ $_ := set $fields "headers" . }}{{ end -}}
{{- $_ := set $log "fields" $fields -}}
{{- end -}}
{{- toYaml $log -}}
{{- end }}

{{- define "ingora.fields" -}}
{{- $fields := dict -}}
{{- with . -}}
{{- with .defaultmode }}{{ $_ := set $fields "defaultMode" . }}{{ end -}}
{{- with .names }}{{ $_ := set $fields "names" . }}{{ end -}}
{{- end -}}
{{- toYaml $fields -}}
{{- end }}
