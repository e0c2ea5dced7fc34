{{- define "ingora.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, with the chart's where it isn't in it. */}}
{{- define "ingora.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "ingora.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "ingora.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Of objects that have no namespace: releases of the same name in two namespaces don't meet. */}}
{{- define "ingora.clusterName" -}}
{{- printf "%s-%s" (include "ingora.fullname" .) .Release.Namespace }}
{{- end }}

{{- define "ingora.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "ingora.fullname" .) }}
{{- end }}

{{- define "ingora.selector" -}}
app.kubernetes.io/name: {{ include "ingora.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ingora.labels" -}}
{{ include "ingora.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ingora.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- with .Values.image.registry }}{{ . }}/{{ end -}}
{{ .Values.image.repository }}{{ ternary "@" ":" (hasPrefix "sha256:" $tag) }}{{ $tag }}
{{- end }}

{{/* The watched namespaces, as a list in JSON; empty for all. */}}
{{- define "ingora.namespaces" -}}
{{- $own := ternary (list .Release.Namespace) list .Values.rbac.namespaced -}}
{{- .Values.providers.kubernetesCRD.namespaces | default $own | uniq | toJson }}
{{- end }}
