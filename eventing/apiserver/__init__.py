"""The Kubernetes API for the kinds of the catalogue: verbs over the store, and HTTP over the verbs."""
