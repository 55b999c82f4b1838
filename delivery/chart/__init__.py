"""The Helm chart as data: rendered by the real Helm, and looked at by pure rules."""
