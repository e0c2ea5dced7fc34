{{/* What ingora may read and write in each namespace that it watches, or in all; each verb is used. */}}
{{- define "ingora.rules" -}}
{{- $kinds := list "ingressroutes" "ingressroutetcps" "ingressrouteudps" "middlewares" "middlewaretcps" "serverstransports" "serverstransporttcps" "tlsoptions" "tlsstores" "traefikservices" -}}
- apiGroups: [traefik.containo.us, traefik.io]
  resources:
    {{- range $kinds }}
    - {{ . }}
    {{- end }}
  verbs: [list, watch]
{{- if include "ingora.writes" (dict "what" "status" "root" .) }}
- apiGroups: [traefik.containo.us, traefik.io]
  resources:
    {{- range $kinds }}
    - {{ . }}/status
    {{- end }}
  verbs: [patch]
{{- end }}
- apiGroups: [""]
  resources: [configmaps, secrets, services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- if include "ingora.writes" (dict "what" "events" "root" .) }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
{{- end }}

{{/* `true` where statuses, or Events, are written: unless switched off. */}}
{{- define "ingora.writes" -}}
{{- $feedback := .root.Values.providers.kubernetesCRD.feedback | default dict -}}
{{- if ne (get $feedback .what | toString) "false" }}true{{ end -}}
{{- end }}

{{/* The Lease: each release has its own. */}}
{{- define "ingora.leaseName" -}}
{{- (.Values.providers.kubernetesCRD.feedback | default dict).leaseName | default (include "ingora.fullname" .) }}
{{- end }}

{{- define "ingora.leaseNamespace" -}}
{{- (.Values.providers.kubernetesCRD.feedback | default dict).leaseNamespace | default .Release.Namespace }}
{{- end }}

{{/* Who has the rights: as `subjects` of a binding. */}}
{{- define "ingora.subjects" -}}
- kind: ServiceAccount
  name: {{ include "ingora.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
