{{/* What ingora may read and write in each namespace that it watches, or in all; each verb is used. */}}
{{- define "ingora.rules" -}}
{{- $kinds := list "ingressroutes" "ingressroutetcps" "ingressrouteudps" "middlewares" "middlewaretcps" "serverstransports" "serverstransporttcps" "tlsoptions" "tlsstores" "traefikservices" -}}
- apiGroups: [traefik.containo.us, traefik.io]
  resources:
    {{- range $kinds }}
    - {{ . }}
    {{- end }}
  verbs: [list, watch]
- apiGroups: [traefik.containo.us, traefik.io]
  resources:
    {{- range $kinds }}
    - {{ . }}/status
    {{- end }}
  verbs: [patch]
- apiGroups: [""]
  resources: [configmaps, secrets, services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Who has the rights: as `subjects` of a binding. */}}
{{- define "ingora.subjects" -}}
- kind: ServiceAccount
  name: {{ include "ingora.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
